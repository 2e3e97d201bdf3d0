SELECT id, definition, generation, serving, position, failed_position, failed_why
FROM view_table
ORDER BY name, generation
