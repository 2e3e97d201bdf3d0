SELECT {columns}
FROM (
    SELECT rows.* REPLACE (coalesce(aliases.canonical, rows.customer) AS customer)
    FROM folded AS rows
    LEFT JOIN aliases ON aliases.customer = rows.customer
    ANTI JOIN hidden AS itself ON itself.customer = rows.customer
    ANTI JOIN hidden AS person ON person.customer = aliases.canonical
)
GROUP BY {ordinals}
ORDER BY {keys}
