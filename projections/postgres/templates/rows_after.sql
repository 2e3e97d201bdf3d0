SELECT {columns} FROM {table} WHERE {after} ORDER BY {keys} LIMIT {most}
