INSERT INTO view_table (id, name, hash, generation, definition, serving, position)
VALUES (%(id)s, %(name)s, %(hash)s, %(generation)s, %(definition)s, %(serving)s, 0)
