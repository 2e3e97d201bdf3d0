-- Tree heads over the leaves (RFC 6962): `peaks` are the roots of the perfect subtrees, left to
-- right, 32 bytes each, so that the next head is made from the leaves since this one.
CREATE TABLE checkpoint (
    size  bigint PRIMARY KEY,
    root  bytea  NOT NULL,
    peaks bytea  NOT NULL
);
