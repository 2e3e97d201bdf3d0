-- Which ledger this is; one row, written when the first keyring is made for it.
CREATE TABLE identity (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    ledger_id uuid    NOT NULL
);
