SELECT * FROM (
    SELECT {columns}
    FROM events
    WHERE {where}
    GROUP BY {ordinals}
)
WHERE {present}
ORDER BY {keys}
