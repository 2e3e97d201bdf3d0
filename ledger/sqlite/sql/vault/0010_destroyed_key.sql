-- The highest version that is destroyed, or about to be, of the keys of somebody who goes on: the next one
-- has a higher number, and what was sealed under this one or a lower is known to be erased.
CREATE TABLE destroyed_key (
    subject   BLOB    NOT NULL CHECK (length(subject) = 16),
    retention TEXT    NOT NULL,
    version   INTEGER NOT NULL,
    PRIMARY KEY (subject, retention)
) STRICT, WITHOUT ROWID;
