-- Holds positions to 1, 2, 3 … and their times in order, whoever inserts: the rows of a statement are
-- unique by their key, so they have no gap among them if there are as many as their span, and none
-- before them if the event before the first is there. `append_events` keeps both by itself; this is
-- for the insert that somebody writes by hand.
CREATE FUNCTION next_position() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    first  bigint;
    amount bigint;
    span   bigint;
BEGIN
    SELECT min(position), count(*), max(position) - min(position) + 1
    INTO first, amount, span
    FROM inserted;
    IF amount > 0 AND (amount <> span OR first < 1 OR (first > 1 AND NOT EXISTS (
        SELECT FROM event WHERE position = first - 1
    ))) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'restrict_violation',
            MESSAGE = 'the book is append-only: an event goes to the next position';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER event_next_position AFTER INSERT ON event
REFERENCING NEW TABLE AS inserted
FOR EACH STATEMENT EXECUTE FUNCTION next_position();

ALTER TABLE event ENABLE ALWAYS TRIGGER event_next_position;
