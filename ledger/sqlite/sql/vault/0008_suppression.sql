-- Identifiers of people who were erased lately, under a key of their own, until a moment (µs, UTC):
-- what arrives late for them is refused and does not bring them back.
CREATE TABLE suppression (
    digest BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
