UPDATE view_table SET position = ?
WHERE id = ? AND position = ? AND failed_position IS NULL
