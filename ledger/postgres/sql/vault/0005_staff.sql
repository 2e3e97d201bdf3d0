-- Who stands behind an actor id: the name wrapped, and a keyed digest to find it by.
CREATE TABLE staff (
    id      bytea   PRIMARY KEY CHECK (octet_length(id) = 16),
    digest  bytea   NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    wrapped bytea   NOT NULL,
    epoch   integer NOT NULL
);
