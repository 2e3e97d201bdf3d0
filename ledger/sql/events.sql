-- The `events` relation over stored rows: the body is parsed once, and only for what `shape` names.
SELECT {columns}
FROM (SELECT *, from_json(body, '{shape}') AS e FROM raw) AS raw
