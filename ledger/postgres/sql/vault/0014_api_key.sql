-- Keys to our doors. A key itself is in no place: `digest` is a keyed digest to find it by, and what it may
-- do is wrapped for that digest alone. One that was rotated has two rows until its old secret is over.
CREATE TABLE api_key (
    digest  bytea   PRIMARY KEY CHECK (octet_length(digest) = 32),
    id      bytea   NOT NULL CHECK (octet_length(id) = 16),
    wrapped bytea   NOT NULL,
    epoch   integer NOT NULL
);

CREATE INDEX api_key_id ON api_key (id);
