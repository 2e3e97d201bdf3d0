INSERT INTO {table} AS t ({columns})
SELECT {columns}
FROM {rows}
ORDER BY {keys}
ON CONFLICT ({keys}) {action}
