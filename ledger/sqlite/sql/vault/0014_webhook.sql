-- Who sends us webhooks: a keyed digest of the source to find it by; its secret wrapped for that digest alone.
CREATE TABLE webhook (
    digest  BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    wrapped BLOB    NOT NULL,
    epoch   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
