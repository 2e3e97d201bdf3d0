-- Appends what several callers bring, as if one had come after the other. Their events stand in runs: a
-- run is what one caller appends on a condition, or what neighbours append without one. Run r ends with
-- event `ends[r]`, its tags with tag `tag_ends[r]`, and it is written only if no event after `seen[r]`
-- meets `unless[r]`, where that is not null. Event n is the n-th of each array, tag k is of event
-- `tag_of[k]`. `now_us` is for a clock other than the database's.
--
-- The answer is either one row with an element for each run: the position of its first event, in
-- `placed`, or that of an event that met its condition, in `met`. Or, if any id is recorded already,
-- a row for each of those: what stands where. Then nothing is written.
--
-- Lock, ids, condition, insert: in that order and in statements of their own, because a statement
-- sees what was committed when it began. Under the lock each next one sees all that earlier writers
-- did, and earlier runs; in one statement with the lock, ids and condition would be judged by what was
-- there before the wait. The lock goes with the transaction, when readers can see the events: so nobody
-- is shown a position before the one below it.
CREATE FUNCTION append_events(
    ids         uuid[],
    types       text[],
    occurred_us bigint[],
    bodies      bytea[],
    personals   bytea[],
    tags        text[],
    tag_of      bigint[],
    ends        bigint[],
    tag_ends    bigint[],
    unless      json[],
    seen        bigint[],
    now_us      bigint
)
RETURNS TABLE (placed bigint[], met bigint[], known_id uuid, known_at bigint, known_body bytea)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict error
DECLARE
    head      bigint;
    recorded  bigint;
    found_at  bigint;
    first     bigint := 1;
    first_tag bigint := 1;
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
    SELECT NULL::bigint[], NULL::bigint[], g.id, e.position, e.body
    FROM unnest(ids) AS g (id)
    CROSS JOIN LATERAL (SELECT x.position, x.body FROM event AS x WHERE x.id = g.id LIMIT 1) AS e;
    IF FOUND THEN
        RETURN;
    END IF;

    SELECT e.position, e.recorded_at INTO head, recorded
    FROM event AS e ORDER BY e.position DESC LIMIT 1;
    head := coalesce(head, 0);
    -- The time of the lock, not of the transaction; and never before what stands already.
    recorded := greatest(
        recorded, coalesce(now_us, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
    );

    placed := array_fill(NULL::bigint, ARRAY[cardinality(ends)]);
    met := placed;
    FOR run IN 1 .. cardinality(ends) LOOP
        found_at := NULL;
        -- Whoever had read to the end has nothing to ask.
        IF unless[run] IS NOT NULL AND seen[run] < head THEN
            SELECT p INTO found_at FROM positions_of(unless[run]::jsonb, seen[run], head, 1) AS p LIMIT 1;
        END IF;
        met[run] := found_at;
        IF found_at IS NULL THEN
            placed[run] := head + 1;
            WITH written AS (
                INSERT INTO event (position, recorded_at, id, type, occurred_at, body, personal, leaf)
                SELECT
                    head + g.n, recorded, g.id, g.type, g.occurred_at, g.body, g.personal,
                    leaf_hash(recorded, g.body, g.personal)
                FROM unnest(
                    ids[first : ends[run]], types[first : ends[run]], occurred_us[first : ends[run]],
                    bodies[first : ends[run]], personals[first : ends[run]]
                ) WITH ORDINALITY AS g (id, type, occurred_at, body, personal, n)
            )
            INSERT INTO event_tag (tag, position)
            SELECT g.tag, head + g.n - first + 1
            FROM unnest(tags[first_tag : tag_ends[run]], tag_of[first_tag : tag_ends[run]]) AS g (tag, n);
            head := head + ends[run] - first + 1;
        END IF;
        first := ends[run] + 1;
        first_tag := tag_ends[run] + 1;
    END LOOP;

    IF array_remove(placed, NULL) <> '{}' THEN
        PERFORM pg_notify('bahi_' || 'event'::regclass::oid, '');
    END IF;
    RETURN NEXT;
END
$$;
