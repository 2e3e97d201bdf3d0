-- Refused items. `wrapped` is a random key of the letter's own, under which coordinates and content
-- are sealed, each by itself; `identity` is a keyed digest of door and content.
CREATE TABLE dead_letter (
    id          bytea   PRIMARY KEY CHECK (octet_length(id) = 16),
    identity    bytea   NOT NULL UNIQUE CHECK (octet_length(identity) = 32),
    kept_at     bigint  NOT NULL,
    door        text    NOT NULL,
    reason      text    NOT NULL,
    field       text    NOT NULL,
    wrapped     bytea   NOT NULL,
    epoch       integer NOT NULL,
    coordinates bytea   NOT NULL,
    content     bytea   NOT NULL
);

-- What is sealed does not get smaller; nobody need try.
ALTER TABLE dead_letter
    ALTER COLUMN coordinates SET STORAGE EXTERNAL,
    ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE INDEX dead_letter_kept_at ON dead_letter (kept_at, id);
