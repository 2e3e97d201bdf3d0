-- Those of these keys that are still here, and whose person is not being erased.
SELECT g.subject, g.retention, g.version
FROM unnest(%b::bytea[], %b::text[], %b::integer[]) AS g (subject, retention, version)
CROSS JOIN LATERAL (
    SELECT
    FROM subject_key AS x
    WHERE x.subject = g.subject AND x.retention = g.retention AND x.version = g.version
    LIMIT 1
) AS here
WHERE NOT EXISTS (SELECT FROM erasing AS e WHERE e.subject = g.subject)
