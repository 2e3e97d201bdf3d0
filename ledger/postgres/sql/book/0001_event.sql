-- The book. `body` and `personal` are the event; everything else in the row is a copy for indexes,
-- which verification recomputes. Times are µs since 1970 UTC.
CREATE TABLE event (
    position    bigint           PRIMARY KEY,
    recorded_at bigint           NOT NULL,
    id          uuid             NOT NULL,
    type        text COLLATE "C" NOT NULL,
    occurred_at bigint           NOT NULL,
    body        bytea            NOT NULL,
    personal    bytea            NOT NULL,
    leaf        bytea            NOT NULL
);

-- Sealed bytes do not compress; trying would cost every append.
ALTER TABLE event ALTER COLUMN personal SET STORAGE EXTERNAL;

CREATE UNIQUE INDEX event_id ON event (id);
CREATE INDEX event_type ON event (type, position);
