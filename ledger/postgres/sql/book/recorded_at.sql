SELECT recorded_at
FROM event
WHERE position >= %(position)s AND position <= %(position)s
ORDER BY position
LIMIT 1
