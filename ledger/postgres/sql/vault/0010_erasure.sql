-- Erasures that were announced and have not ended, each by the event that begins it: what a crash leaves
-- undone is taken up from here. `receipt` (JSON) is what was destroyed, once it is.
CREATE TABLE erasure (
    event    bytea  PRIMARY KEY CHECK (octet_length(event) = 16),
    subject  bytea  NOT NULL CHECK (octet_length(subject) = 16),
    begun_at bigint NOT NULL,
    receipt  text
);
