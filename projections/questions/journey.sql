-- journey: one row a customer; how far they have come with us, since when, and the days from step to step.
--
-- Stages, the furthest that holds: stranger · known (they said who they are) · lead · qualified or disqualified ·
-- opportunity (a deal is open) · buyer (ordered, subscribed, or their deal was won) · repeat (ordered again) · lapsed
-- (bought nothing for a year, and no subscription stands: their latest was cancelled, or they had none). Days are of
-- the calendar (UTC), and negative where the steps came in another order.
WITH bargain AS (
    SELECT coalesce(merged.canonical, deal.contact)                                AS customer,
           min(opened_at)                                                          AS opportunity_at,
           min(opened_at) FILTER (WHERE state IN ('deal.opened', 'deal.reopened')) AS open_since,
           min(closed_at) FILTER (WHERE state = 'deal.won')                        AS first_won_at,
           max(closed_at) FILTER (WHERE state = 'deal.won')                        AS last_won_at
    FROM deal LEFT JOIN merged ON merged.customer = deal.contact
    WHERE deal.contact IS NOT NULL
    GROUP BY 1
),
buying AS (
    SELECT customer, orders, first_order, last_order,
           sum(orders) OVER (PARTITION BY customer ORDER BY month) AS orders_so_far
    FROM customer_month
    WHERE orders > 0
),
again AS (
    -- The second order. Months keep their first and last order, so that of three in the first month it is the last.
    SELECT customer, min(CASE WHEN orders_so_far = orders THEN last_order ELSE first_order END) AS repeat_at
    FROM buying
    WHERE orders_so_far > 1
    GROUP BY customer
),
step AS (
    SELECT milestone.customer, coalesce(market, '') AS market, first_seen, identified_at, lead_captured_at AS lead_at,
           lead_verdict, lead_verdict_at, qualified_at, disqualified_at, opportunity_at, open_since, repeat_at,
           least(first_order_at, first_subscription_at, first_won_at)    AS bought_at,
           greatest(last_order_at, last_subscription_at, last_won_at)    AS last_bought_at,
           CASE WHEN last_bought_at IS NOT NULL
                 AND coalesce(last_subscription_event, '') NOT IN ('subscription.started', 'subscription.renewed')
                THEN greatest(last_bought_at + INTERVAL 365 DAYS, last_cancellation_at) END AS lapses_at
    FROM customer_milestone AS milestone
    LEFT JOIN bargain USING (customer)
    LEFT JOIN again USING (customer)
    LEFT JOIN (SELECT customer, last_subscription_event FROM customer_360) USING (customer)
),
reached AS (
    -- Recency tells who is still a customer where no contract does: Fader, Hardie, Lee, RFM and CLV: Using Iso-Value
    -- Curves for Customer Base Analysis, J. Marketing Research 42(4), 2005. A year is our choice: it covers any season.
    SELECT *,
           CASE WHEN lapses_at <= :now                 THEN {'stage': 'lapsed', 'since': lapses_at}
                WHEN repeat_at IS NOT NULL             THEN {'stage': 'repeat', 'since': repeat_at}
                WHEN bought_at IS NOT NULL             THEN {'stage': 'buyer', 'since': bought_at}
                WHEN open_since IS NOT NULL            THEN {'stage': 'opportunity', 'since': open_since}
                WHEN lead_verdict = 'lead.qualified'   THEN {'stage': 'qualified', 'since': lead_verdict_at}
                WHEN lead_verdict IS NOT NULL          THEN {'stage': 'disqualified', 'since': lead_verdict_at}
                WHEN lead_at IS NOT NULL               THEN {'stage': 'lead', 'since': lead_at}
                WHEN identified_at IS NOT NULL         THEN {'stage': 'known', 'since': identified_at}
                ELSE {'stage': 'stranger', 'since': first_seen}
           END AS place
    FROM step
)
SELECT customer,
       market,
       place.stage                            AS stage,
       place.since                            AS since,
       first_seen,
       identified_at,
       lead_at,
       qualified_at,
       disqualified_at,
       opportunity_at,
       bought_at,
       repeat_at,
       last_bought_at,
       lead_at::DATE - first_seen::DATE       AS days_to_lead,
       qualified_at::DATE - lead_at::DATE     AS days_to_qualify,
       opportunity_at::DATE - lead_at::DATE   AS days_to_opportunity,
       bought_at::DATE - first_seen::DATE     AS days_to_buy,
       repeat_at::DATE - bought_at::DATE      AS days_to_repeat,
       :now::DATE - last_bought_at::DATE      AS days_since_bought
FROM reached
ORDER BY customer;
