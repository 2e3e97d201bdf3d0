-- Identifiers of people who were erased lately, under a key of their own, until a moment (µs, UTC):
-- what arrives late for them is refused and does not bring them back.
CREATE TABLE suppression (
    digest bytea  PRIMARY KEY CHECK (octet_length(digest) = 32),
    until  bigint NOT NULL
);
