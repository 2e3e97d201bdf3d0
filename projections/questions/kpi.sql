-- kpi: one row a metric and currency; the figures that a business with customers is steered by.
--
-- Values are whole numbers of `unit`, rounded down; money is in minor units and never converted.
WITH person AS (
    -- Whoever placed an order by now is a buyer, a second order makes a repeat buyer.
    SELECT count(*)                             AS customers,
           count(*) FILTER (WHERE orders >= 1)  AS buyers,
           count(*) FILTER (WHERE orders >= 2)  AS repeat_buyers,
           count(*) FILTER (WHERE last_order > :now - INTERVAL 90 DAYS AND last_order <= :now)
                                                AS active_buyers,
           coalesce(sum(orders), 0)             AS orders
    FROM customer_360
),
money AS (
    SELECT currency,
           count(*) FILTER (WHERE orders >= 1)  AS buyers,
           sum(orders)                          AS orders,
           coalesce(sum(ordered), 0)            AS ordered,
           coalesce(sum(refunded), 0)           AS refunded
    FROM customer_money
    GROUP BY currency
)
SELECT metric, currency, value::BIGINT AS value, unit
FROM (
    SELECT 1 AS place, 'customers' AS metric, NULL AS currency, customers AS value, 'customers' AS unit FROM person
    UNION ALL
    SELECT 2, 'buyers', NULL, buyers, 'customers' FROM person
    UNION ALL
    SELECT 3, 'repeat_buyers', NULL, repeat_buyers, 'customers' FROM person
    UNION ALL
    -- Repeat rate = repeat buyers / buyers: Farris, Bendle, Pfeifer, Reibstein, Marketing Metrics, "Repeat rate".
    SELECT 4, 'repeat_rate', NULL, 10000 * repeat_buyers // nullif(buyers, 0), 'basis points' FROM person
    UNION ALL
    -- Recency: bought within the last 90 days. Ibid., "Customers, recency, and retention".
    SELECT 5, 'active_buyers_90_days', NULL, active_buyers, 'customers' FROM person
    UNION ALL
    SELECT 6, 'orders', currency, orders, 'orders' FROM money
    UNION ALL
    SELECT 7, 'ordered', currency, ordered, 'minor units' FROM money
    UNION ALL
    SELECT 8, 'refunded', currency, refunded, 'minor units' FROM money
    UNION ALL
    -- Average order value = revenue of orders / orders. Ibid., "Average price per unit", with the order as the unit.
    SELECT 9, 'average_order_value', currency, ordered // nullif(orders, 0), 'minor units an order' FROM money
    UNION ALL
    -- Past lifetime value of a buyer = (ordered - refunded) / buyers; revenue to date, before costs, not a forecast.
    -- Gupta et al., Modeling Customer Lifetime Value, J. Service Research 9(2), 2006, without its future terms.
    SELECT 10, 'lifetime_value', currency, (ordered - refunded) // nullif(buyers, 0), 'minor units a buyer' FROM money
)
ORDER BY place, currency;
