-- Refused items. `wrapped` is a random key of the letter's own, under which coordinates and content
-- are sealed, each by itself; `identity` is a keyed digest of door and content.
CREATE TABLE dead_letter (
    id          BLOB    PRIMARY KEY CHECK (length(id) = 16),
    identity    BLOB    NOT NULL UNIQUE CHECK (length(identity) = 32),
    kept_at     INTEGER NOT NULL,
    door        TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    field       TEXT    NOT NULL,
    wrapped     BLOB    NOT NULL,
    epoch       INTEGER NOT NULL,
    coordinates BLOB    NOT NULL,
    content     BLOB    NOT NULL
) STRICT;

CREATE INDEX dead_letter_kept_at ON dead_letter (kept_at, id);
