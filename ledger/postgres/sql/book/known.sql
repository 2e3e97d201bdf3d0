-- Of these ids, those that are recorded, where, and their clear envelopes.
SELECT g.id, e.position, e.body
FROM unnest(%(ids)b::uuid[]) AS g (id)
CROSS JOIN LATERAL (SELECT x.position, x.body FROM event AS x WHERE x.id = g.id LIMIT 1) AS e
