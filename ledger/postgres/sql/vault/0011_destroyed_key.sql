-- The highest version that is destroyed, or about to be, of the keys of somebody who goes on: the next one
-- has a higher number, and what was sealed under this one or a lower is known to be erased.
CREATE TABLE destroyed_key (
    subject   bytea   NOT NULL CHECK (octet_length(subject) = 16),
    retention text    NOT NULL COLLATE "C",
    version   integer NOT NULL,
    PRIMARY KEY (subject, retention)
);
