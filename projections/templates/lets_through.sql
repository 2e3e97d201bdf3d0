SELECT DISTINCT "domain"
FROM (SELECT unnest[1] AS type, unnest[2] AS "domain" FROM unnest($kinds))
WHERE {where}
