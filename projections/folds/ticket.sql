-- ticket: one row a ticket; what was asked and promised, who has it, and what became of it.
--
-- It is open while `state` is ticket.opened or ticket.reopened.
SELECT ticket,
       min(occurred_at) FILTER (WHERE type = 'ticket.opened')                         AS opened_at,
       arg_max(priority, moment)                                                      AS priority,
       arg_max(channel, moment)                                                       AS channel,
       arg_max(topic, moment)                                                         AS topic,
       arg_max(market, moment)                                                        AS market,
       arg_max(account, moment)                                                       AS account,
       arg_max(customer, moment)                                                      AS contact,
       arg_max(respond_within_minutes, moment)                                        AS respond_within_minutes,
       arg_max(resolve_within_minutes, moment)                                        AS resolve_within_minutes,
       min(occurred_at) FILTER (WHERE type = 'ticket.replied' AND author = 'agent')   AS first_response_at,
       arg_max(author, moment)                                                        AS last_reply_author,
       count(*) FILTER (WHERE type = 'ticket.replied')                                AS replies,
       count(*) FILTER (WHERE type = 'ticket.assigned')                               AS assignments,
       count(*) FILTER (WHERE type = 'ticket.escalated')                              AS escalations,
       arg_max(team, moment)                                                          AS team,
       arg_max(assignee, moment)                                                      AS assignee,
       arg_max(type, moment)
           FILTER (WHERE type IN ('ticket.opened', 'ticket.resolved', 'ticket.reopened', 'ticket.closed')) AS state,
       max(occurred_at) FILTER (WHERE type = 'ticket.resolved')                       AS resolved_at,
       max(occurred_at) FILTER (WHERE type = 'ticket.closed')                         AS closed_at,
       max(occurred_at) FILTER (WHERE type = 'ticket.reopened')                       AS reopened_at,
       count(*) FILTER (WHERE type = 'ticket.reopened')                               AS reopenings,
       max(occurred_at)                                                               AS last_seen
FROM events
WHERE type LIKE 'ticket.%'
GROUP BY ticket;
