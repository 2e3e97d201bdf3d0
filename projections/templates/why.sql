SELECT position, occurred_at, type, id, moment, {value} AS value
FROM events
WHERE {where} AND {key} AND {filter}
