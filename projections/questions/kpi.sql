-- kpi: one row a metric, month, market and currency; the figures that a business with customers is steered by.
--
-- No month is all time up to :now, no market is all markets together; '' is an unknown market. People count in the
-- market where they were last seen; orders, answers, deals and tickets in their own. A month has rows where something
-- happened in it. Values are whole numbers of `unit`, rounded towards zero, and absent where there is nothing to divide
-- by; money is in minor units and never converted. A cancelled order stays in what was ordered: its cancellation carries
-- no amount, and what went back is a refund. Cohorts are in `retention`, single campaigns in `campaign_result`.
WITH person_month AS (
    SELECT customer, coalesce(milestone.market, '')                         AS market,
           month, active.orders, active.last_order, engaged, subscriptions_started, subscriptions_cancelled,
           month = min(month) OVER (PARTITION BY customer)                  AS is_new,
           sum(active.orders) OVER (PARTITION BY customer ORDER BY month)   AS orders_so_far
    FROM customer_month AS active JOIN customer_milestone AS milestone USING (customer)
),
person AS (
    SELECT customer, market,
           sum(orders)      AS orders,
           max(last_order)  AS last_order
    FROM person_month
    GROUP BY customer, market
),
people_ever AS (
    -- Whoever placed an order is a buyer, a second order makes a repeat buyer.
    SELECT market,
           count(*)                             AS customers,
           count(*) FILTER (WHERE orders >= 1)  AS buyers,
           count(*) FILTER (WHERE orders >= 2)  AS repeat_buyers,
           count(*) FILTER (WHERE last_order > :now - INTERVAL 90 DAYS AND last_order <= :now)
                                                AS active_buyers,
           count(*) FILTER (WHERE last_engaged > :now - INTERVAL 90 DAYS AND last_engaged <= :now)
                                                AS engaged
    FROM person LEFT JOIN (SELECT customer, last_engaged FROM customer_360) USING (customer)
    GROUP BY CUBE (market)
),
people_in_month AS (
    SELECT market, month,
           count(*) FILTER (WHERE is_new)                               AS new_customers,
           count(*) FILTER (WHERE orders >= 1)                          AS buyers,
           count(*) FILTER (WHERE orders >= 1 AND orders_so_far >= 2)   AS repeat_buyers,
           count(*) FILTER (WHERE engaged >= 1)                         AS engaged,
           sum(subscriptions_started)                                   AS started,
           sum(subscriptions_cancelled)                                 AS cancelled
    FROM person_month
    GROUP BY GROUPING SETS ((month, market), (month))
),
people_by_month AS (
    SELECT *,
           sum(new_customers) OVER (PARTITION BY market ORDER BY month) AS customers,
           greatest(sum(started - cancelled) OVER (PARTITION BY market ORDER BY month) - (started - cancelled), 0)
                                                                        AS subscribed
    FROM people_in_month
),
day AS (
    SELECT *, date_trunc('month', day)::DATE AS month FROM daily
),
sale AS (
    SELECT month, market, currency,
           coalesce(sum(events) FILTER (WHERE type = 'order.placed'), 0)            AS orders,
           coalesce(sum(amount_minor) FILTER (WHERE type = 'order.placed'), 0)      AS ordered,
           coalesce(sum(amount_minor) FILTER (WHERE type = 'order.refunded'), 0)    AS refunded
    FROM day
    WHERE type IN ('order.placed', 'order.refunded')
    GROUP BY currency, CUBE (month, market)
),
paid AS (
    SELECT market, currency,
           count(*) FILTER (WHERE money.orders >= 1 OR renewals >= 1 OR started IS NOT NULL)    AS payers,
           coalesce(sum(ordered), 0) + coalesce(sum(started), 0) + coalesce(sum(renewed), 0)
               - coalesce(sum(refunded), 0)                                                     AS paid
    FROM customer_money AS money JOIN person USING (customer)
    GROUP BY currency, CUBE (market)
),
answer AS (
    SELECT month, market,
           sum(promoters - detractors)              AS nps_balance,
           sum(promoters + passives + detractors)   AS nps_answers,
           sum(csat_satisfied)                      AS satisfied,
           sum(csat_answers)                        AS csat_answers,
           sum(ces_total)                           AS ces_total,
           sum(ces_answers)                         AS ces_answers
    FROM day
    WHERE type = 'survey.answered'
    GROUP BY CUBE (month, market)
),
lead AS (
    SELECT date_trunc('month', lead_at)::DATE AS month, market,
           qualified_at IS NOT NULL             AS qualified,
           last_bought_at >= lead_at            AS bought
    FROM journey
    WHERE lead_at IS NOT NULL
),
lead_count AS (
    SELECT month, market,
           count(*)                             AS leads,
           count(*) FILTER (WHERE qualified)    AS qualified,
           count(*) FILTER (WHERE bought)       AS bought
    FROM lead
    GROUP BY CUBE (month, market)
),
closed AS (
    SELECT date_trunc('month', closed_at)::DATE                                     AS month,
           coalesce(market, '')                                                     AS market,
           state = 'deal.won'                                                       AS won,
           CASE WHEN state = 'deal.won' THEN closed_at::DATE - opened_at::DATE END  AS days
    FROM deal
    WHERE state IN ('deal.won', 'deal.lost')
),
deal_count AS (
    SELECT month, market,
           count(*)                     AS closed,
           count(*) FILTER (WHERE won)  AS won,
           quantile_disc(days, 0.5)     AS middle_days,
           sum(days) // count(days)     AS mean_days
    FROM closed
    GROUP BY CUBE (month, market)
),
asked AS (
    SELECT date_trunc('month', opened_at)::DATE AS month, market, response_minutes, resolution_minutes
    FROM ticket_sla
),
ticket_count AS (
    SELECT month, market,
           count(*)                                     AS tickets,
           quantile_disc(response_minutes, 0.5)         AS response_minutes,
           quantile_disc(resolution_minutes, 0.5)       AS resolution_minutes
    FROM asked
    GROUP BY CUBE (month, market)
),
figure AS (
    SELECT 1 AS part, NULL AS month, market, NULL AS currency, unnest([
        {'unit': 'customers',    'metric': 'customers',             'value': customers},
        {'unit': 'customers',    'metric': 'buyers',                'value': buyers},
        {'unit': 'customers',    'metric': 'repeat_buyers',         'value': repeat_buyers},
        -- Repeat buyers / buyers: Farris, Bendle, Pfeifer, Reibstein, Marketing Metrics, "Repeat rate".
        {'unit': 'basis points', 'metric': 'repeat_rate',           'value': 10000 * repeat_buyers // nullif(buyers, 0)},
        -- Recency: bought within the last 90 days. Ibid., "Customers, recency, and retention".
        {'unit': 'customers',    'metric': 'active_buyers_90_days', 'value': active_buyers},
        -- Our own: who opened, clicked, visited, wrote, called or came in the last 90 days, of everybody known.
        {'unit': 'basis points', 'metric': 'engagement_90_days',    'value': 10000 * engaged // nullif(customers, 0)}
    ]) AS fact
    FROM people_ever
    UNION ALL
    -- The same within a month: known by its end, bought and engaged in it.
    SELECT 1, month, market, NULL, unnest([
        {'unit': 'customers',    'metric': 'customers',             'value': customers},
        {'unit': 'customers',    'metric': 'new_customers',         'value': new_customers},
        {'unit': 'customers',    'metric': 'buyers',                'value': buyers},
        {'unit': 'customers',    'metric': 'repeat_buyers',         'value': repeat_buyers},
        {'unit': 'basis points', 'metric': 'repeat_rate',           'value': 10000 * repeat_buyers // nullif(buyers, 0)},
        {'unit': 'basis points', 'metric': 'engagement',            'value': 10000 * engaged // nullif(customers, 0)},
        -- Subscriptions cancelled in the month / those there when it began: Piwik PRO Glossary, "Churn rate".
        {'unit': 'basis points', 'metric': 'churn',                 'value': 10000 * cancelled // nullif(subscribed, 0)}
    ])
    FROM people_by_month
    UNION ALL
    SELECT 2, month, market, currency, unnest([
        {'unit': 'orders',       'metric': 'orders',                'value': orders},
        {'unit': 'minor units',  'metric': 'ordered',               'value': ordered},
        {'unit': 'minor units',  'metric': 'refunded',              'value': refunded},
        -- Revenue of orders / orders: Farris et al., "Average price per unit", with the order as the unit.
        {'unit': 'minor units an order', 'metric': 'average_order_value', 'value': ordered // nullif(orders, 0)}
    ])
    FROM sale
    UNION ALL
    -- (ordered + started + renewed - refunded) / those who ever paid: revenue to date, before costs, not a forecast.
    -- Gupta et al., Modeling Customer Lifetime Value, J. Service Research 9(2), 2006, without its future terms.
    SELECT 2, NULL, market, currency,
        {'unit': 'minor units a buyer', 'metric': 'lifetime_value', 'value': paid // nullif(payers, 0)}
    FROM paid
    UNION ALL
    SELECT 3, month, market, NULL, unnest([
        -- Share of 9 and 10 less share of 0 to 6: Reichheld, The One Number You Need to Grow, HBR, 2003.
        {'unit': 'basis points', 'metric': 'net_promoter_score',    'value': 10000 * nps_balance // nullif(nps_answers, 0)},
        -- Answers of 4 and 5, of all: Delighted Help Center, "How is CSAT calculated?".
        {'unit': 'basis points', 'metric': 'customer_satisfaction', 'value': 10000 * satisfied // nullif(csat_answers, 0)},
        -- Mean answer: Dixon, Freeman, Toman, Stop Trying to Delight Your Customers, HBR, 2010, on its later seven steps.
        {'unit': 'hundredths',   'metric': 'customer_effort_score', 'value': 100 * ces_total // nullif(ces_answers, 0)}
    ])
    FROM answer
    UNION ALL
    -- Of those who became leads in the month, who was judged to be worth the work, and who bought since: Rekener, "How
    -- to Calculate Cohort-Based Lead Conversion Rate", 2018.
    SELECT 4, month, market, NULL, unnest([
        {'unit': 'customers',    'metric': 'leads',                 'value': leads},
        {'unit': 'basis points', 'metric': 'lead_qualification',    'value': 10000 * qualified // nullif(leads, 0)},
        {'unit': 'basis points', 'metric': 'lead_conversion',       'value': 10000 * bought // nullif(leads, 0)}
    ])
    FROM lead_count
    UNION ALL
    SELECT 4, month, market, NULL, unnest([
        -- Won / (won + lost), in the month they closed: Calliper Metric Dictionary, "Sales Win Rate".
        {'unit': 'basis points', 'metric': 'win_rate',              'value': 10000 * won // nullif(closed, 0)},
        -- From opened to won, of deals won: RevOps Dictionary, "Sales Cycle Length". Of two in the middle, the shorter.
        {'unit': 'days',         'metric': 'cycle_length_median',   'value': middle_days},
        {'unit': 'days',         'metric': 'cycle_length_mean',     'value': mean_days}
    ])
    FROM deal_count
    UNION ALL
    -- From opened to the agent's first reply, or to the end where none came, and to the resolution that held, as in
    -- ticket_sla; of tickets opened in the month; medians, in calendar minutes. Zendesk Support, "About native Support
    -- time duration metrics".
    SELECT 5, month, market, NULL, unnest([
        {'unit': 'tickets',      'metric': 'tickets',               'value': tickets},
        {'unit': 'minutes',      'metric': 'first_response',        'value': response_minutes},
        {'unit': 'minutes',      'metric': 'resolution',            'value': resolution_minutes}
    ])
    FROM ticket_count
    UNION ALL
    -- (revenue - cost) / cost over all campaigns that cost something: see campaign_result.
    SELECT 6, NULL, NULL, currency,
        {'unit': 'basis points', 'metric': 'campaign_return',
         'value': 10000 * (sum(revenue_minor) - sum(cost_minor)) // sum(cost_minor)}
    FROM campaign_result
    WHERE cost_minor > 0
    GROUP BY currency
)
SELECT fact.metric         AS metric,
       month,
       market,
       currency,
       fact.value::BIGINT  AS value,
       fact.unit           AS unit
FROM figure
WHERE fact.value IS NOT NULL
ORDER BY month NULLS FIRST, market NULLS FIRST, part, currency, metric;
