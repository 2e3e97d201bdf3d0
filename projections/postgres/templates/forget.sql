DELETE FROM {table} WHERE {key} = ANY ({customers}::uuid[])
