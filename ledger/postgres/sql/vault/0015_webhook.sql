-- Who sends us webhooks: a keyed digest of the source to find it by; its secret wrapped for that digest alone.
CREATE TABLE webhook (
    digest  bytea   PRIMARY KEY CHECK (octet_length(digest) = 32),
    wrapped bytea   NOT NULL,
    epoch   integer NOT NULL
);
