-- What an event is about, as `kind:value`, its customer among them. Conditions and timelines are
-- answered from here; by position, verification reads the tags of each event.
CREATE TABLE event_tag (
    tag      text COLLATE "C" NOT NULL,
    position bigint           NOT NULL
);

-- By stretches of 2^20 positions, then tag. Customers come in no order, so an index by tag alone would
-- be written all over: in a book of millions each event would dirty a page of its own, and after a
-- checkpoint log it whole. So only the last stretch is written to. A walk asks one stretch after the
-- other: a condition that knows how far it had read asks the last, a whole life a few more.
CREATE UNIQUE INDEX event_tag_stretch ON event_tag ((position >> 20), tag, position);
CREATE INDEX event_tag_position ON event_tag (position);
