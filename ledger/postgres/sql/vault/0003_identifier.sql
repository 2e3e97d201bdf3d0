-- What names a person, account, deal, ticket or order: a keyed digest, and the id it stands for.
-- The id is wrapped, so that an old copy tells nobody whose event is whose once its epoch is over;
-- `owner` is a keyed digest of the id, for the same epoch, by which an erasure finds all of a person.
CREATE TABLE identifier (
    digest  bytea   PRIMARY KEY CHECK (octet_length(digest) = 32),
    kind    text    NOT NULL,
    wrapped bytea   NOT NULL,
    epoch   integer NOT NULL,
    owner   bytea   NOT NULL CHECK (octet_length(owner) = 32)
);

CREATE INDEX identifier_owner ON identifier (owner);
