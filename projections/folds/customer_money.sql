-- customer_money: one row a customer and currency; what they ordered, subscribed to and got back, in minor units.
--
-- `started` is what the first interval of subscriptions cost; one that began with a trial is paid when it renews. A
-- cancelled order stays in `ordered`: its cancellation carries no amount, and what went back is a refund.
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
       sum(amount_minor) FILTER (WHERE type = 'subscription.started')  AS started,
       count(*) FILTER (WHERE type = 'subscription.renewed')           AS renewals,
       sum(amount_minor) FILTER (WHERE type = 'subscription.renewed')  AS renewed
FROM events
WHERE type IN ('order.placed', 'order.refunded', 'subscription.started', 'subscription.renewed')
  AND (trial_until IS NULL OR trial_until <= occurred_at)
GROUP BY customer, currency;
