SELECT position, occurred_at, type, id, moment, {value} AS value
FROM {relation}
WHERE {where} AND {key} AND {filter}
