-- customer_channel: one row a customer and channel; what reached them there, and what they did with it.
--
-- Other channels are another WHEN once their types are in the catalogue.
SELECT customer,
       CASE WHEN type LIKE 'email.%' THEN 'email' END                       AS channel,
       count(*)                                                             AS touchpoints,
       count(*) FILTER (WHERE type = 'email.sent')                          AS sent,
       count(*) FILTER (WHERE type = 'email.delivered')                     AS delivered,
       count(*) FILTER (WHERE type = 'email.opened')                        AS opened,
       count(*) FILTER (WHERE type = 'email.clicked')                       AS clicked,
       count(*) FILTER (WHERE type = 'email.bounced')                       AS bounced,
       bool_or(bounce = 'hard') FILTER (WHERE type = 'email.bounced')       AS bounced_for_good,
       count(*) FILTER (WHERE type = 'email.complained')                    AS complained,
       count(*) FILTER (WHERE type = 'email.unsubscribed')                  AS unsubscribed,
       max(occurred_at) FILTER (WHERE type = 'email.sent')                  AS last_sent,
       max(occurred_at) FILTER (WHERE type IN ('email.opened', 'email.clicked')) AS last_engaged,
       max(occurred_at) FILTER (WHERE type = 'email.unsubscribed')          AS last_unsubscribed,
       arg_max(campaign, moment)                                            AS last_campaign,
       arg_max(type, moment)                                                AS last_touch,
       max(occurred_at)                                                     AS last_seen
FROM events
WHERE domain = 'touchpoint'
GROUP BY customer, channel;
