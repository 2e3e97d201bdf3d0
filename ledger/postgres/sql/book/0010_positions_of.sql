-- Positions of a range that meet any of `matches`, a JSON list of {"types": [], "tags": []}: at most
-- `most` of each match and in order, so one that meets several comes several times. `upto` is at most
-- the head. Called with the book's schema in the search path.
--
-- Every walk is written so that a single index can serve it, whatever the planner believes about the
-- size of the tables: (type, position) > (t, p) is a range of event_type and of nothing else, as is
-- (tag, position) > (t, p) within a stretch of event_tag_stretch, and the event at a position is the
-- first of a range in order, since event_type, too, could find an equal one: by reading all of it.
CREATE FUNCTION positions_of(matches jsonb, seen bigint, upto bigint, most bigint)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    wanted    record;
    narrowest text;
    stretch   bigint;
    wanting   bigint;
    amount    bigint;
BEGIN
    FOR wanted IN SELECT m.types, m.tags FROM jsonb_to_recordset(matches) AS m (types text[], tags text[])
    LOOP
        IF cardinality(wanted.tags) > 0 THEN
            narrowest := wanted.tags[1];
            IF cardinality(wanted.tags) > 1 THEN
                -- A market has millions of events and a deal has ten: walk the ten.
                SELECT g.tag INTO narrowest
                FROM unnest(wanted.tags) AS g (tag)
                ORDER BY (
                    SELECT count(*)
                    FROM (
                        SELECT
                        FROM generate_series(seen >> 20, upto >> 20) AS s (stretch)
                        CROSS JOIN LATERAL (
                            SELECT
                            FROM event_tag AS t
                            WHERE t.position >> 20 = s.stretch
                              AND (t.tag, t.position) > (g.tag, seen)
                              AND (t.tag, t.position) <= (g.tag, upto)
                            LIMIT 1000
                        ) AS few
                        LIMIT 1000
                    ) AS few
                )
                LIMIT 1;
            END IF;
            stretch := seen >> 20;
            wanting := most;
            WHILE stretch <= upto >> 20 AND wanting > 0 LOOP
                RETURN QUERY
                SELECT t.position
                FROM event_tag AS t
                WHERE t.position >> 20 = stretch
                  AND (t.tag, t.position) > (narrowest, seen)
                  AND (t.tag, t.position) <= (narrowest, upto)
                  AND (
                      cardinality(wanted.types) = 0
                      OR wanted.types @> ARRAY[(
                          SELECT e.type::text
                          FROM event AS e
                          WHERE e.position >= t.position AND e.position <= t.position
                          ORDER BY e.position
                          LIMIT 1
                      )]
                  )
                  AND (
                      cardinality(wanted.tags) = 1
                      OR cardinality(wanted.tags) = (
                          SELECT count(*)
                          FROM unnest(wanted.tags) AS g (tag)
                          CROSS JOIN LATERAL (
                              SELECT
                              FROM event_tag AS x
                              WHERE x.position >> 20 = stretch
                                AND (x.tag, x.position) >= (g.tag, t.position)
                                AND (x.tag, x.position) <= (g.tag, t.position)
                              LIMIT 1
                          ) AS found
                      )
                  )
                ORDER BY t.tag, t.position
                LIMIT wanting;
                GET DIAGNOSTICS amount = ROW_COUNT;
                wanting := wanting - amount;
                stretch := stretch + 1;
            END LOOP;
        ELSIF cardinality(wanted.types) > 0 THEN
            RETURN QUERY
            SELECT found.position
            FROM unnest(wanted.types) AS g (type)
            CROSS JOIN LATERAL (
                SELECT e.position
                FROM event AS e
                WHERE (e.type, e.position) > (g.type, seen) AND (e.type, e.position) <= (g.type, upto)
                ORDER BY e.type, e.position
                LIMIT most
            ) AS found
            ORDER BY found.position
            LIMIT most;
        ELSE
            RETURN QUERY
            SELECT e.position
            FROM event AS e
            WHERE e.position > seen AND e.position <= upto
            ORDER BY e.position
            LIMIT most;
        END IF;
    END LOOP;
END
$$;
