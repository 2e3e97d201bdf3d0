-- Events of a range of positions that meet any of the matches, each once, in order.
SELECT e.position, e.recorded_at, e.body, e.personal
FROM (
    SELECT DISTINCT p AS position
    FROM positions_of(
        %(matches)s::jsonb, %(after)s,
        least(%(upto)s, coalesce((SELECT position FROM event ORDER BY position DESC LIMIT 1), 0)), %(limit)s
    ) AS p
    ORDER BY p
    LIMIT %(limit)s
) AS found
CROSS JOIN LATERAL (
    SELECT *
    FROM event AS x
    WHERE x.position >= found.position AND x.position <= found.position
    ORDER BY x.position
    LIMIT 1
) AS e
ORDER BY e.position
