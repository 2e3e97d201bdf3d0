-- Until when what arrives for each of these identifiers is refused, if that is later than a moment.
SELECT g.digest, s.until
FROM unnest(%b::bytea[], %b::bigint[]) AS g (digest, moment)
CROSS JOIN LATERAL (
    SELECT x.until FROM suppression AS x WHERE x.digest = g.digest AND x.until > g.moment LIMIT 1
) AS s
