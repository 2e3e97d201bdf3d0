-- What names a person, account, deal, ticket or order: a keyed digest, and the id it stands for.
-- The id is wrapped, so that an old copy tells nobody whose event is whose once its epoch is over;
-- `owner` is a keyed digest of the id, for the same epoch, by which an erasure finds all of a person.
CREATE TABLE identifier (
    digest  BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    kind    TEXT    NOT NULL,
    wrapped BLOB    NOT NULL,
    epoch   INTEGER NOT NULL,
    owner   BLOB    NOT NULL CHECK (length(owner) = 32)
) STRICT, WITHOUT ROWID;

CREATE INDEX identifier_owner ON identifier (owner);
