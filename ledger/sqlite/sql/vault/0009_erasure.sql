-- Erasures that were announced and have not ended, each by the event that begins it: what a crash leaves
-- undone is taken up from here. `receipt` (JSON) is what was destroyed, once it is.
CREATE TABLE erasure (
    event    BLOB    PRIMARY KEY CHECK (length(event) = 16),
    subject  BLOB    NOT NULL CHECK (length(subject) = 16),
    begun_at INTEGER NOT NULL,
    receipt  TEXT
) STRICT, WITHOUT ROWID;
