-- The last tree head at or before a size.
SELECT size, root, peaks FROM checkpoint WHERE size <= %(size)s ORDER BY size DESC LIMIT 1
