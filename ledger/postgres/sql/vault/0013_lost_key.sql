-- Keys under which something is sealed in the book, and which were lost with a newer vault: not destroyed
-- on purpose, and never made again under the same number.
CREATE TABLE lost_key (
    subject   bytea   NOT NULL CHECK (octet_length(subject) = 16),
    retention text    NOT NULL COLLATE "C",
    version   integer NOT NULL,
    PRIMARY KEY (subject, retention, version)
);
