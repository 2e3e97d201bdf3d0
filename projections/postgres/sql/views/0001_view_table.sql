-- One row a table of a view's rows. Its position moves in the transaction that merges them.
CREATE TABLE view_table (
    id              text COLLATE "C" NOT NULL PRIMARY KEY,
    name            text COLLATE "C" NOT NULL,
    hash            text COLLATE "C" NOT NULL,
    generation      bigint           NOT NULL,
    definition      text             NOT NULL,
    serving         boolean          NOT NULL,
    position        bigint           NOT NULL CHECK (position >= 0),
    failed_position bigint,
    failed_why      text,
    CHECK ((failed_position IS NULL) = (failed_why IS NULL)),
    UNIQUE (name, serving)
) WITH (fillfactor = 50);

COMMENT ON TABLE view_table IS 'Where each view''s rows are, and which events are in them';
