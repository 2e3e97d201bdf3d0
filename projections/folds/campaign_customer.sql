-- campaign_customer: one row a campaign and customer; what it sent them, and what they did.
SELECT campaign,
       customer,
       min(occurred_at)                                                AS first_touch,
       max(occurred_at)                                                AS last_touch,
       count(*) FILTER (WHERE type IN ('email.sent', 'message.sent'))  AS sent,
       count(*) FILTER (WHERE type = 'email.delivered')                AS delivered,
       count(*) FILTER (WHERE type = 'email.opened')                   AS opened,
       count(*) FILTER (WHERE type = 'email.clicked')                  AS clicked,
       count(*) FILTER (WHERE type = 'email.bounced')                  AS bounced,
       count(*) FILTER (WHERE type = 'email.complained')               AS complained,
       count(*) FILTER (WHERE type = 'email.unsubscribed')             AS unsubscribed,
       count(*) FILTER (WHERE type = 'ad.clicked')                     AS ad_clicks,
       count(*) FILTER (WHERE type = 'event.attended')                 AS attended,
       count(*) FILTER (WHERE type = 'lead.captured')                  AS leads,
       count(*) FILTER (WHERE type = 'order.placed')                   AS orders
FROM events
WHERE domain NOT IN ('privacy', 'audit')
GROUP BY campaign, customer;
