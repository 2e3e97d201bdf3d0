-- The keys of these people and classes that new data is sealed under, but for those that are about to be
-- destroyed. One walk of the index for each,
-- whatever the planner believes about the size of the table.
SELECT g.subject, g.retention, k.version, k.epoch, k.wrapped, k.logged
FROM unnest(%b::bytea[], %b::text[]) AS g (subject, retention)
CROSS JOIN LATERAL (
    SELECT x.version, x.epoch, x.wrapped, x.logged
    FROM subject_key AS x
    WHERE x.subject = g.subject AND x.retention = g.retention
        AND NOT EXISTS (
            SELECT FROM destroyed_key AS d
            WHERE d.subject = x.subject AND d.retention = x.retention AND d.version >= x.version
        )
    ORDER BY x.version DESC
    LIMIT 1
) AS k
