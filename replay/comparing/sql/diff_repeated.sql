-- Whether two rows of a look have one key.
SELECT count(*) > 0 FROM (SELECT 1 FROM {rows} GROUP BY {key} HAVING count(*) > 1 LIMIT 1)
