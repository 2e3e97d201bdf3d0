-- whole_order: made to be refused.
SELECT customer, max(lines) AS lines FROM order_lines GROUP BY customer
