-- Names under a new epoch, each unless it was written meanwhile. Looked up by the index, and then
-- written where it was found: nobody else writes meanwhile.
UPDATE staff AS r
SET epoch = g.epoch, wrapped = g.wrapped
FROM unnest(%b::integer[], %b::bytea[], %b::bytea[], %b::bytea[])
    AS g (epoch, wrapped, id, old)
CROSS JOIN LATERAL (
    SELECT x.ctid FROM staff AS x WHERE x.id = g.id AND x.wrapped = g.old LIMIT 1
) AS found
WHERE r.ctid = found.ctid
