-- Erasures that were announced and have not ended, each by the event that begins it: what a crash leaves
-- undone is taken up from here. `receipt` (JSON) is what was destroyed, once it is. `upto` (JSON) is, where
-- not the whole person goes, the highest version of the keys of each class that does: what is sealed
-- while it is under way is sealed under a higher one, and stays.
CREATE TABLE erasure (
    event    bytea  PRIMARY KEY CHECK (octet_length(event) = 16),
    subject  bytea  NOT NULL CHECK (octet_length(subject) = 16),
    begun_at bigint NOT NULL,
    upto     text,
    receipt  text
);
