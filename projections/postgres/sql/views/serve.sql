UPDATE view_table SET serving = true WHERE id = %(id)s
