-- What an event is about, as `kind:value`, its customer among them. Conditions and timelines are
-- answered from here; by position, verification reads the tags of each event.
CREATE TABLE event_tag (
    tag      text COLLATE "C" NOT NULL,
    position bigint           NOT NULL,
    PRIMARY KEY (tag, position)
);

CREATE INDEX event_tag_position ON event_tag (position);
