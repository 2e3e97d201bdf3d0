-- Keys to our doors. A key itself is in no place: `digest` is a keyed digest to find it by, and what it may
-- do is wrapped for that digest alone. One that was rotated has two rows until its old secret is over.
CREATE TABLE api_key (
    digest  BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    id      BLOB    NOT NULL CHECK (length(id) = 16),
    wrapped BLOB    NOT NULL,
    epoch   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX api_key_id ON api_key (id);
