-- Whom a refused item names, as the digests of `identifier`: an erasure finds its letters by them.
CREATE TABLE dead_letter_identifier (
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    letter BLOB NOT NULL REFERENCES dead_letter (id) ON DELETE CASCADE,
    PRIMARY KEY (digest, letter)
) STRICT, WITHOUT ROWID;

CREATE INDEX dead_letter_identifier_letter ON dead_letter_identifier (letter);
