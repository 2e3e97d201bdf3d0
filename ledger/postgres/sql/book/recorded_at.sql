SELECT recorded_at FROM event WHERE position = %(position)s
