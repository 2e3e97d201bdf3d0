-- Every key of these subjects that was lost.
SELECT x.subject, x.retention, x.version
FROM unnest(%b::bytea[]) AS g (subject)
CROSS JOIN LATERAL (
    SELECT l.subject, l.retention, l.version FROM lost_key AS l WHERE l.subject = g.subject OFFSET 0
) AS x
