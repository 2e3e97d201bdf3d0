SELECT {columns} FROM {table} WHERE {where} ORDER BY {keys}
