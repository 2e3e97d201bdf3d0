-- customer_channel: one row a customer and channel; what reached them there, and what they did with it.
--
-- What has no channel of its own, such as an order, is in no row. An answer, a visit, a click is being engaged;
-- received is what they told us.
SELECT customer,
       CASE WHEN type LIKE 'email.%'                                THEN 'email'
            WHEN type LIKE 'message.%'                              THEN channel
            WHEN type LIKE 'chat.%'                                 THEN 'chat'
            WHEN type LIKE 'social.%'                               THEN 'social'
            WHEN type = 'call.logged'                               THEN 'phone'
            WHEN type = 'ad.clicked'                                THEN 'ad'
            WHEN type IN ('page.viewed', 'form.submitted', 'feature.used', 'cart.abandoned')
              OR type = 'event.attended' AND attendance = 'online'  THEN 'web'
            WHEN type IN ('event.attended', 'meeting.held')         THEN 'in_person'
       END                                                                  AS channel,
       count(*)                                                             AS touchpoints,
       count(*) FILTER (WHERE type IN ('email.sent', 'message.sent')
                           OR direction = 'outbound'
                           OR (type = 'chat.messaged' AND author IN ('agent', 'bot')))
                                                                            AS sent,
       count(*) FILTER (WHERE type IN ('message.received', 'form.submitted')
                           OR direction = 'inbound'
                           OR (type = 'chat.messaged' AND author = 'customer'))
                                                                            AS received,
       count(*) FILTER (WHERE type IN ('email.opened', 'email.clicked', 'page.viewed', 'form.submitted',
                                       'feature.used', 'ad.clicked', 'message.received', 'chat.started',
                                       'social.engaged', 'meeting.held', 'event.attended')
                           OR direction = 'inbound')                        AS engaged,
       count(*) FILTER (WHERE type = 'email.delivered')                     AS delivered,
       count(*) FILTER (WHERE type = 'email.opened')                        AS opened,
       count(*) FILTER (WHERE type = 'email.clicked')                       AS clicked,
       count(*) FILTER (WHERE type = 'email.bounced')                       AS bounced,
       bool_or(bounce = 'hard') FILTER (WHERE type = 'email.bounced')       AS bounced_for_good,
       count(*) FILTER (WHERE type = 'email.complained')                    AS complained,
       count(*) FILTER (WHERE type = 'email.unsubscribed')                  AS unsubscribed,
       max(occurred_at) FILTER (WHERE type IN ('email.sent', 'message.sent')
                                   OR direction = 'outbound'
                                   OR (type = 'chat.messaged' AND author IN ('agent', 'bot')))
                                                                            AS last_sent,
       max(occurred_at) FILTER (WHERE type IN ('email.opened', 'email.clicked', 'page.viewed', 'form.submitted',
                                               'feature.used', 'ad.clicked', 'message.received', 'chat.started',
                                               'social.engaged', 'meeting.held', 'event.attended')
                                   OR direction = 'inbound')                AS last_engaged,
       max(occurred_at) FILTER (WHERE type = 'email.unsubscribed')          AS last_unsubscribed,
       arg_max(campaign, moment)                                            AS last_campaign,
       arg_max(type, moment)                                                AS last_touch,
       max(occurred_at)                                                     AS last_seen
FROM events
WHERE domain = 'touchpoint'
GROUP BY customer, channel;
