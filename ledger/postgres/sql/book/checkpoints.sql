SELECT size, root FROM checkpoint ORDER BY size
