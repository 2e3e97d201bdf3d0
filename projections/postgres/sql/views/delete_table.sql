DELETE FROM view_table WHERE id = %(id)s
