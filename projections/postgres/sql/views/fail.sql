UPDATE view_table SET failed_position = %(failed)s, failed_why = %(why)s
WHERE id = %(id)s AND position = %(position)s AND failed_position IS NULL
