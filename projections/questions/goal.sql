-- goal: one row a goal; what was to be reached, how far it is by :now, and whether that is far enough.
--
-- `target`, `reached` and `expected` are minor units of `currency` for revenue, and otherwise how many of what the
-- metric names; `reached_bp` is basis points of the target. `expected` is what an even pace reaches by the end of
-- today: on the last day, all of it. A ticket resolved twice counts twice; a customer is new on the day we first
-- heard of them, in their latest market, as in kpi. Whole numbers, rounded towards zero; more basis points than a
-- BIGINT holds are NULL.
WITH figure AS (
    SELECT CASE type WHEN 'order.placed'    THEN 'orders'
                     WHEN 'lead.captured'   THEN 'leads'
                     WHEN 'ticket.resolved' THEN 'tickets_resolved' END AS metric,
           '' AS currency, market, day, events AS value
    FROM daily
    WHERE type IN ('order.placed', 'lead.captured', 'ticket.resolved')
    UNION ALL
    SELECT 'revenue', currency, market, day, CASE type WHEN 'order.placed' THEN amount_minor ELSE -amount_minor END
    FROM daily
    WHERE type IN ('order.placed', 'order.refunded')
    UNION ALL
    SELECT 'deals_won', '', market, won_at::DATE, 1
    FROM deal
    WHERE state = 'deal.won'
    UNION ALL
    SELECT 'new_customers', '', market, first_seen::DATE, 1
    FROM customer_milestone
),
reached AS (
    SELECT goal_set.goal, coalesce(sum(figure.value), 0) AS reached
    FROM goal_set
    LEFT JOIN figure
           ON figure.metric = goal_set.metric
          AND figure.currency = goal_set.currency
          AND goal_set.market IN ('', figure.market)
          AND figure.day BETWEEN goal_set.period_start AND least(goal_set.period_end, :now::DATE)
    GROUP BY goal_set.goal
),
paced AS (
    SELECT goal_set.*,
           reached.reached,
           period_end - period_start + 1                                                     AS days,
           least(greatest(:now::DATE - period_start + 1, 0), period_end - period_start + 1)  AS days_begun
    FROM goal_set
    JOIN reached ON reached.goal = goal_set.goal
)
SELECT goal, metric, market, currency, period_start, period_end, target,
       reached::BIGINT                                        AS reached,
       TRY_CAST(10000 * reached // nullif(target, 0) AS BIGINT) AS reached_bp,
       expected::BIGINT                                       AS expected,
       CASE WHEN :now::DATE < period_start THEN 'to_come'
            WHEN reached >= target         THEN 'reached'
            WHEN :now::DATE > period_end   THEN 'missed'
            WHEN reached >= expected       THEN 'ahead'
            ELSE 'behind' END                                 AS state
FROM (SELECT *, target::HUGEINT * days_begun // days AS expected FROM paced)
ORDER BY period_start, goal;
