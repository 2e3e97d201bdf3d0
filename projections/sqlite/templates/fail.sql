UPDATE view_table SET failed_position = ?, failed_why = ?
WHERE id = ? AND position = ? AND failed_position IS NULL
