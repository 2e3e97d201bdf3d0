-- customer_360: one row a customer; who they are to us, at a glance.
--
-- Money is in customer_money, since it never adds up across currencies.
SELECT customer,
       count(*)                                                                   AS touchpoints,
       min(occurred_at)                                                           AS first_seen,
       max(occurred_at)                                                           AS last_seen,
       arg_min(source, moment)                                                    AS first_source,
       arg_max(type, moment)                                                      AS last_touch,
       arg_max(market, moment)                                                    AS market,
       arg_max(language, moment) FILTER (WHERE type = 'preference.set')           AS language,
       arg_max(time_zone, moment) FILTER (WHERE type = 'preference.set')          AS time_zone,
       arg_max(preferred_currency, moment) FILTER (WHERE type = 'preference.set') AS preferred_currency,
       arg_max(preferred_channel, moment) FILTER (WHERE type = 'preference.set')  AS preferred_channel,
       bool_or(type = 'customer.identified')                                      AS identified,
       count(*) FILTER (WHERE type = 'page.viewed')                               AS pages_viewed,
       count(*) FILTER (WHERE type = 'feature.used')                              AS features_used,
       count(*) FILTER (WHERE type = 'cart.abandoned')                            AS carts_abandoned,
       count(*) FILTER (WHERE type IN ('message.received', 'chat.started', 'call.logged', 'meeting.held'))
                                                                                  AS conversations,
       count(*) FILTER (WHERE type = 'order.placed')                              AS orders,
       min(occurred_at) FILTER (WHERE type = 'order.placed')                      AS first_order,
       max(occurred_at) FILTER (WHERE type = 'order.placed')                      AS last_order,
       count(*) FILTER (WHERE type = 'order.refunded')                            AS refunds,
       count(*) FILTER (WHERE type = 'order.cancelled')                           AS cancelled_orders,
       count(*) FILTER (WHERE type = 'subscription.started')                      AS subscriptions,
       count(*) FILTER (WHERE type = 'subscription.cancelled')                    AS cancelled_subscriptions,
       arg_max(plan, moment) FILTER (WHERE type LIKE 'subscription.%')            AS last_plan,
       arg_max(type, moment) FILTER (WHERE type LIKE 'subscription.%')            AS last_subscription_event,
       sum(points) FILTER (WHERE type = 'loyalty.earned')                         AS points_earned,
       sum(points) FILTER (WHERE type = 'loyalty.redeemed')                       AS points_redeemed,
       count(*) FILTER (WHERE type = 'referral.made')                             AS referrals,
       max(occurred_at) FILTER (WHERE type IN ('email.opened', 'email.clicked', 'page.viewed', 'form.submitted',
                                               'feature.used', 'ad.clicked', 'message.received', 'chat.started',
                                               'social.engaged', 'meeting.held', 'event.attended')
                                   OR direction = 'inbound')                      AS last_engaged,
       arg_max(campaign, moment)                                                  AS last_campaign
FROM events
WHERE domain = 'touchpoint'
GROUP BY customer;
