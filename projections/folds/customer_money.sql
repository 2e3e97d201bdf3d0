-- customer_money: one row a customer and currency; what they ordered and got back, in minor units.
SELECT customer,
       currency,
       count(*) FILTER (WHERE type = 'order.placed')                   AS orders,
       sum(amount_minor) FILTER (WHERE type = 'order.placed')          AS ordered,
       max(amount_minor) FILTER (WHERE type = 'order.placed')          AS largest_order,
       sum(quantity) FILTER (WHERE type = 'order.placed')              AS items,
       min(occurred_at) FILTER (WHERE type = 'order.placed')           AS first_order,
       max(occurred_at) FILTER (WHERE type = 'order.placed')           AS last_order,
       count(*) FILTER (WHERE type = 'order.refunded')                 AS refunds,
       sum(amount_minor) FILTER (WHERE type = 'order.refunded')        AS refunded,
       count(*) FILTER (WHERE type = 'subscription.renewed')           AS renewals,
       sum(amount_minor) FILTER (WHERE type = 'subscription.renewed')  AS renewed
FROM events
WHERE type IN ('order.placed', 'order.refunded', 'subscription.renewed')
GROUP BY customer, currency;
