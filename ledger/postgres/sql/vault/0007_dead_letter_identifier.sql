-- Whom a refused item names, as the digests of `identifier`: an erasure finds its letters by them.
CREATE TABLE dead_letter_identifier (
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    letter bytea NOT NULL REFERENCES dead_letter (id) ON DELETE CASCADE,
    PRIMARY KEY (digest, letter)
);

CREATE INDEX dead_letter_identifier_letter ON dead_letter_identifier (letter);
