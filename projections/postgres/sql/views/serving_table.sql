SELECT id, definition, generation, serving, position, failed_position, failed_why
FROM view_table
WHERE name = {name} AND serving
