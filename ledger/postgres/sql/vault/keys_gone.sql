-- Up to which version the keys of each of these subjects and classes are no more, destroyed or lost, if any
-- are. One walk of each index for each, whatever the planner believes about the size of the tables.
SELECT g.subject, g.retention, k.version
FROM unnest(%b::bytea[], %b::text[]) AS g (subject, retention)
CROSS JOIN LATERAL (
    SELECT greatest(
        (SELECT d.version FROM destroyed_key AS d WHERE d.subject = g.subject AND d.retention = g.retention),
        (
            SELECT l.version
            FROM lost_key AS l
            WHERE l.subject = g.subject AND l.retention = g.retention
            ORDER BY l.version DESC
            LIMIT 1
        )
    ) AS version
) AS k
WHERE k.version IS NOT NULL
