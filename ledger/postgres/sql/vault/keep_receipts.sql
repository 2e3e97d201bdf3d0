-- What each of these erasures has destroyed. Looked up by the index, and then written where it was found:
-- nobody else writes meanwhile.
UPDATE erasure AS r
SET receipt = g.receipt
FROM unnest(%b::text[], %b::bytea[]) AS g (receipt, event)
CROSS JOIN LATERAL (SELECT x.ctid FROM erasure AS x WHERE x.event = g.event LIMIT 1) AS found
WHERE r.ctid = found.ctid
