(
    -- A line stands for its order in all but product, quantity and amount, which are its own.
    SELECT COLUMNS(lambda name: name NOT IN ('lines', 'line', 'quantity', 'amount_minor')),
           line.product, line.quantity, line.amount_minor
    FROM (
        SELECT *, unnest(from_json(lines, '[{"product": "VARCHAR", "quantity": "BIGINT", "amount_minor": "BIGINT"}]')) AS line
        FROM events
        WHERE type = 'order.placed'
    )
) AS order_lines
