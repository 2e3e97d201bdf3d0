-- Every copy of what was removed of this event is cleared away.
DELETE FROM redacting WHERE position = %(position)s
