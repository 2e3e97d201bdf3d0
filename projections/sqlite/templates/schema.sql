-- One row a table of a view's rows. Its position moves in the transaction that merges them.
CREATE TABLE IF NOT EXISTS view_table (
    id              TEXT    NOT NULL PRIMARY KEY,
    name            TEXT    NOT NULL,
    hash            TEXT    NOT NULL,
    generation      INTEGER NOT NULL,
    definition      TEXT    NOT NULL,
    serving         INTEGER NOT NULL CHECK (serving IN (0, 1)),
    position        INTEGER NOT NULL CHECK (position >= 0),
    failed_position INTEGER,
    failed_why      TEXT,
    CHECK ((failed_position IS NULL) = (failed_why IS NULL)),
    UNIQUE (name, serving)
) STRICT, WITHOUT ROWID;
