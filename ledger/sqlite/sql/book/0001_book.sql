-- The book. `body` and `personal` are the event; everything else in the row is a copy for indexes,
-- which verification recomputes. Times are µs since 1970 UTC, ids are 16 bytes.
CREATE TABLE event (
    position    INTEGER PRIMARY KEY,
    recorded_at INTEGER NOT NULL,
    id          BLOB    NOT NULL,
    type        TEXT    NOT NULL,
    occurred_at INTEGER NOT NULL,
    body        BLOB    NOT NULL,
    personal    BLOB    NOT NULL,
    leaf        BLOB    NOT NULL
) STRICT;

CREATE UNIQUE INDEX event_id ON event (id);
CREATE INDEX event_type ON event (type, position);

-- What an event is about, as `kind:value`, its customer among them. Conditions and timelines are
-- answered from here.
CREATE TABLE event_tag (
    tag      TEXT    NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tag, position)
) STRICT, WITHOUT ROWID;

-- Tree heads over the leaves (RFC 6962): `peaks` are the roots of the perfect subtrees, left to
-- right, 32 bytes each, so that the next head is made from the leaves since this one.
CREATE TABLE checkpoint (
    size  INTEGER PRIMARY KEY,
    root  BLOB NOT NULL,
    peaks BLOB NOT NULL
) STRICT;

-- Which ledger this is; one row, written when the first keyring is made for it.
CREATE TABLE identity (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    ledger_id BLOB NOT NULL
) STRICT;
