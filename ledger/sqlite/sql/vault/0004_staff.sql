-- Who stands behind an actor id: the name wrapped, and a keyed digest to find it by.
CREATE TABLE staff (
    id      BLOB    PRIMARY KEY CHECK (length(id) = 16),
    digest  BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    wrapped BLOB    NOT NULL,
    epoch   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
