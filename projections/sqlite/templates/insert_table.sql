INSERT INTO view_table (id, name, hash, generation, definition, serving, position)
VALUES (?, ?, ?, ?, ?, ?, 0)
