SELECT * FROM {view} WHERE {where}
