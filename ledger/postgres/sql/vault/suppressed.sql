-- Those of these identifiers that belonged to somebody erased lately.
SELECT g.digest
FROM unnest(%b::bytea[], %b::bigint[]) AS g (digest, moment)
CROSS JOIN LATERAL (
    SELECT FROM suppression AS x WHERE x.digest = g.digest AND x.until > g.moment LIMIT 1
) AS s
