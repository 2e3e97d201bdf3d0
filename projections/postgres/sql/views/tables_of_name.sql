-- For update: nobody moves them before this transaction has ended.
SELECT id, definition, generation, serving, position, failed_position, failed_why
FROM view_table
WHERE name = %(name)s
ORDER BY generation
FOR UPDATE
