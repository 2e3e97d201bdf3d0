-- Holds positions to 1, 2, 3 …, whoever inserts. The rows of a statement are unique by their key, so
-- there is no gap among them if they are as many as their span, and none before them if the next lower
-- position is the one before the first. `append_events` does so by itself; this is for the insert that
-- somebody writes by hand.
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
    IF amount > 0 AND (amount <> span OR first <> 1 + coalesce((
        SELECT position FROM event WHERE position < first ORDER BY position DESC LIMIT 1
    ), 0)) THEN
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
