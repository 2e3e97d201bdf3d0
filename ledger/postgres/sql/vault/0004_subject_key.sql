-- The keys of each person by retention class: random, wrapped, and in no other place.
-- `logged` says that the book has the commitment to it.
CREATE TABLE subject_key (
    subject   bytea    NOT NULL CHECK (octet_length(subject) = 16),
    retention text     NOT NULL COLLATE "C"
        CHECK (retention IN ('identity', 'behaviour', 'content', 'legal')),
    version   integer  NOT NULL CHECK (version BETWEEN 1 AND 65535),
    wrapped   bytea    NOT NULL,
    epoch     integer  NOT NULL,
    logged    boolean  NOT NULL,
    PRIMARY KEY (subject, retention, version)
);
