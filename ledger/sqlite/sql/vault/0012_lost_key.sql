-- Keys under which something is sealed in the book, and which were lost with a newer vault: not destroyed
-- on purpose, and never made again under the same number.
CREATE TABLE lost_key (
    subject   BLOB    NOT NULL CHECK (length(subject) = 16),
    retention TEXT    NOT NULL,
    version   INTEGER NOT NULL,
    PRIMARY KEY (subject, retention, version)
) STRICT, WITHOUT ROWID;
