UPDATE view_table SET position = 0, failed_position = NULL, failed_why = NULL
WHERE id = ?
