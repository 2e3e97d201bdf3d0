-- latest_line: made to be refused.
SELECT customer, arg_max(product, moment) AS product FROM order_lines GROUP BY customer
