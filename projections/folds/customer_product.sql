-- customer_product: one row a customer, product and currency; what they bought, how much of it and for how much.
SELECT customer,
       product,
       currency,
       count(*)          AS lines,
       sum(quantity)     AS items,
       sum(amount_minor) AS ordered,
       min(occurred_at)  AS first_ordered,
       max(occurred_at)  AS last_ordered
FROM order_lines
GROUP BY customer, product, currency;
