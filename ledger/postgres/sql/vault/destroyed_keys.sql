-- Up to which version the keys of each of these subjects and classes were destroyed, if any were. One
-- walk of the index for each, whatever the planner believes about the size of the table.
SELECT g.subject, g.retention, d.version
FROM unnest(%b::bytea[], %b::text[]) AS g (subject, retention)
CROSS JOIN LATERAL (
    SELECT x.version
    FROM destroyed_key AS x
    WHERE x.subject = g.subject AND x.retention = g.retention
    LIMIT 1
) AS d
