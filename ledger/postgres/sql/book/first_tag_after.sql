-- The first position after one that has a tag.
SELECT position FROM event_tag WHERE position > %(after)s ORDER BY position LIMIT 1
