-- The vault itself, one row: whose it is, and how often it was written. An older copy says less.
CREATE TABLE vault (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    ledger_id  BLOB CHECK (length(ledger_id) = 16),
    generation INTEGER NOT NULL
) STRICT;

INSERT INTO vault (one, ledger_id, generation) VALUES (1, NULL, 0);
