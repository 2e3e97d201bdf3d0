SELECT * FROM (
    SELECT {columns}
    FROM {relation}
    WHERE {where}
    GROUP BY {ordinals}
)
WHERE {present}
ORDER BY {keys}
