UPDATE view_table SET serving = 1 WHERE id = ?
