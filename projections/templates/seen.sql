SELECT {columns}
FROM merged
WHERE {living}
ORDER BY {keys}
