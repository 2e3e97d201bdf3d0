-- customer_dialogue: one row a customer; when they last did something themselves, and when one of us last turned to them.
--
-- What a machine sends, bills or renews is neither; a meeting is both.
SELECT customer,
       max(occurred_at) FILTER (WHERE type IN (
           'order.placed', 'subscription.started', 'loyalty.redeemed', 'referral.made', 'cart.abandoned',
           'page.viewed', 'form.submitted', 'feature.used', 'email.opened', 'email.clicked', 'ad.clicked',
           'message.received', 'chat.started', 'meeting.held', 'event.attended', 'social.engaged',
           'preference.set', 'ticket.opened', 'survey.answered'
       )
           OR author = 'customer'
           OR direction = 'inbound')                                AS heard_from_at,
       max(occurred_at) FILTER (WHERE type = 'meeting.held'
           OR author = 'agent'
           OR direction = 'outbound')                               AS turned_to_at
FROM events
WHERE domain IN ('touchpoint', 'service')
GROUP BY customer;
