-- customer_month: one row a customer and month (UTC, its first day); how active they were, for cohorts and trends.
SELECT customer,
       date_trunc('month', occurred_at)::DATE                               AS month,
       count(*) FILTER (WHERE domain = 'touchpoint')                        AS touchpoints,
       count(*) FILTER (WHERE type IN ('email.opened', 'email.clicked', 'page.viewed', 'form.submitted',
                                       'feature.used', 'ad.clicked', 'message.received', 'chat.started',
                                       'social.engaged', 'meeting.held', 'event.attended')
                           OR direction = 'inbound')                        AS engaged,
       count(*) FILTER (WHERE type = 'page.viewed')                         AS pages_viewed,
       count(*) FILTER (WHERE type = 'feature.used')                        AS features_used,
       count(*) FILTER (WHERE type = 'order.placed')                        AS orders,
       min(occurred_at) FILTER (WHERE type = 'order.placed')                AS first_order,
       max(occurred_at) FILTER (WHERE type = 'order.placed')                AS last_order,
       count(*) FILTER (WHERE type = 'subscription.started')                AS subscriptions_started,
       count(*) FILTER (WHERE type = 'subscription.cancelled')              AS subscriptions_cancelled,
       count(*) FILTER (WHERE type = 'ticket.opened')                       AS tickets,
       count(*) FILTER (WHERE type = 'survey.answered')                     AS surveys
FROM events
WHERE domain NOT IN ('privacy', 'audit')
GROUP BY customer, month;
