-- campaign_result: one row a campaign and currency; whom it reached, what it cost, and what it brought in.
--
-- Money is of the row's currency alone, and '' stands where there is none; what it reached is of the whole campaign, on
-- each of its rows. Rates and return are in basis points, rounded towards zero, and null where nothing can be divided;
-- so is the cost of a lead or an order where nothing was spent in the currency.
WITH people AS (
    SELECT campaign,
           count(*)                                     AS touched,
           count(*) FILTER (WHERE sent > bounced)       AS reached,
           count(*) FILTER (WHERE opened > 0)           AS opened,
           count(*) FILTER (WHERE clicked > 0)          AS clicked,
           count(*) FILTER (WHERE ad_clicks > 0)        AS clicked_ad,
           count(*) FILTER (WHERE attended > 0)         AS attended,
           count(*) FILTER (WHERE unsubscribed > 0)     AS unsubscribed,
           count(*) FILTER (WHERE complained > 0)       AS complained
    FROM campaign_customer
    GROUP BY campaign
),
money AS (
    SELECT campaign, currency, orders,
           coalesce(cost_minor, 0)                                      AS cost_minor,
           coalesce(ordered_minor, 0) - coalesce(refunded_minor, 0)     AS revenue_minor
    FROM campaign
    QUALIFY currency <> '' OR count(*) OVER (PARTITION BY campaign) = 1
)
SELECT money.campaign,
       money.currency,
       whole.launched_at,
       whole.channel,
       whole.purpose,
       coalesce(touched, 0)                                             AS touched,
       coalesce(reached, 0)                                             AS reached,
       coalesce(people.opened, 0)                                       AS opened,
       coalesce(people.clicked, 0)                                      AS clicked,
       coalesce(people.clicked_ad, 0)                                   AS clicked_ad,
       coalesce(people.attended, 0)                                     AS attended,
       coalesce(people.unsubscribed, 0)                                 AS unsubscribed,
       coalesce(people.complained, 0)                                   AS complained,
       -- Who opened and clicked, of those delivered to: HubSpot Knowledge Base, "How does HubSpot calculate delivery
       -- rate, open rate, and click rate for emails?". Delivered is what was sent and did not come back.
       10000 * people.opened // nullif(reached, 0)                      AS open_rate,
       10000 * people.clicked // nullif(reached, 0)                     AS click_rate,
       10000 * people.unsubscribed // nullif(reached, 0)                AS unsubscribe_rate,
       coalesce(whole.leads, 0)                                         AS leads,
       money.orders,
       money.cost_minor,
       money.revenue_minor,
       -- (gain - cost) / cost: Farris, Hanssens, Lenskold, Reibstein, Marketing Return on Investment: Seeking Clarity
       -- for Concept and Measurement, Applied Marketing Analytics 1(3), 2015. The gain here is revenue, of orders that
       -- carry the campaign's tag, less refunds: what the goods cost is not in the book. It is a return within one
       -- currency: what was spent in one and earned in another never meets.
       10000 * (money.revenue_minor - money.cost_minor) // nullif(money.cost_minor, 0) AS return_on_cost,
       nullif(money.cost_minor, 0) // nullif(whole.leads, 0)            AS cost_a_lead,
       nullif(money.cost_minor, 0) // nullif(money.orders, 0)           AS cost_an_order
FROM money
LEFT JOIN campaign AS whole ON whole.campaign = money.campaign AND whole.currency = ''
LEFT JOIN people ON people.campaign = money.campaign
ORDER BY money.campaign, money.currency;
