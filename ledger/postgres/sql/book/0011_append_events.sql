-- Appends events that are all new, on a condition or without one, and says what it did:
--
--   known     an id is recorded already, at `place` with `known_body`; nothing is written
--   unless    an event that meets `unless` stands at `place`, after `seen`; nothing is written
--   appended  all of them are written, the first at `place`
--
-- Lock, ids, condition, insert: in that order and in statements of their own, because a statement
-- sees what was committed when it began. Under the lock each next one sees all that earlier writers
-- did; in one statement with the lock, ids and condition would be judged by what was there before
-- the wait. The lock goes with the transaction, when readers can see the events: so nobody is shown
-- a position before the one below it.
--
-- Event n is the n-th of each array; tag k is of event `tag_of[k]`. `now_us` is for a clock other
-- than the database's.
CREATE FUNCTION append_events(
    ids         uuid[],
    types       text[],
    occurred_us bigint[],
    bodies      bytea[],
    personals   bytea[],
    tags        text[],
    tag_of      bigint[],
    unless      jsonb,
    seen        bigint,
    now_us      bigint
)
RETURNS TABLE (outcome text, place bigint, known_id uuid, known_body bytea)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict error
DECLARE
    head     bigint;
    recorded bigint;
    met      bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_transaction_state',
            MESSAGE = 'append_events: expected isolation level read committed: '
                'any other would judge by what was there before the lock';
    END IF;
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;

    PERFORM pg_advisory_xact_lock(x'62616869'::bigint << 32 | 'event'::regclass::oid::bigint);

    RETURN QUERY
    SELECT 'known', e.position, g.id, e.body
    FROM unnest(ids) AS g (id)
    CROSS JOIN LATERAL (SELECT x.position, x.body FROM event AS x WHERE x.id = g.id LIMIT 1) AS e;
    IF FOUND THEN
        RETURN;
    END IF;

    SELECT e.position, e.recorded_at INTO head, recorded
    FROM event AS e ORDER BY e.position DESC LIMIT 1;
    head := coalesce(head, 0);

    IF unless IS NOT NULL THEN
        SELECT p INTO met FROM positions_of(unless, seen, head, 1) AS p LIMIT 1;
        IF FOUND THEN
            RETURN QUERY SELECT 'unless', met, NULL::uuid, NULL::bytea;
            RETURN;
        END IF;
    END IF;

    -- The time of the lock, not of the transaction; and never before what stands already.
    recorded := greatest(
        recorded, coalesce(now_us, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
    );
    INSERT INTO event (position, recorded_at, id, type, occurred_at, body, personal, leaf)
    SELECT
        head + g.n, recorded, g.id, g.type, g.occurred_at, g.body, g.personal,
        leaf_hash(recorded, g.body, g.personal)
    FROM unnest(ids, types, occurred_us, bodies, personals)
        WITH ORDINALITY AS g (id, type, occurred_at, body, personal, n);
    INSERT INTO event_tag (tag, position)
    SELECT g.tag, head + g.n FROM unnest(tags, tag_of) AS g (tag, n);

    PERFORM pg_notify(channel(), '');
    RETURN QUERY SELECT 'appended', head + 1, NULL::uuid, NULL::bytea;
END
$$;
