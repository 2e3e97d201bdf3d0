SELECT position, occurred_at, type, id, {shown} AS value, {decides} AS decides
FROM found
ORDER BY moment, found.value
