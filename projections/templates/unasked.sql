-- The first position that comes more than once, or was not asked for.
SELECT min(position) FROM (
    SELECT position
    FROM events
    GROUP BY position
    HAVING count(*) > 1 OR position NOT BETWEEN {first} AND {last}
)
