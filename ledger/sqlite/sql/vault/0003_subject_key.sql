-- The keys of each person by retention class: random, wrapped, and in no other place.
-- `logged` says that the book has the commitment to it.
CREATE TABLE subject_key (
    subject   BLOB    NOT NULL CHECK (length(subject) = 16),
    retention TEXT    NOT NULL CHECK (retention IN ('identity', 'behaviour', 'content', 'legal')),
    version   INTEGER NOT NULL CHECK (version BETWEEN 1 AND 65535),
    wrapped   BLOB    NOT NULL,
    epoch     INTEGER NOT NULL,
    logged    INTEGER NOT NULL CHECK (logged IN (0, 1)),
    PRIMARY KEY (subject, retention, version)
) STRICT, WITHOUT ROWID;
