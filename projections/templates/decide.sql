SELECT position, occurred_at, type, id, value, {decides} AS decides
FROM found
ORDER BY moment, value
