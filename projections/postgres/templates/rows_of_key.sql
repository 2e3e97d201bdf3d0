SELECT v.position, v.failed_position, v.failed_why, kept.*
FROM view_table AS v
LEFT JOIN (SELECT true, {columns} FROM {table} WHERE {where}) AS kept ON true
WHERE v.id = %s AND v.serving
ORDER BY {ordinals}
