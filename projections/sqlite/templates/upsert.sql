INSERT INTO {table} ({columns})
VALUES ({marks})
ON CONFLICT ({keys}) {action}
