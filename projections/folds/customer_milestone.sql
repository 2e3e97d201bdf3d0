-- customer_milestone: one row a customer; when they first and last did what matters, in every part of the business.
--
-- What the company does about their data (privacy, audit) is nothing that they did, and is left out.
SELECT customer,
       min(occurred_at)                                                          AS first_seen,
       max(occurred_at)                                                          AS last_seen,
       arg_max(market, moment)                                                   AS market,
       arg_min(campaign, moment)                                                 AS first_campaign,
       min(occurred_at) FILTER (WHERE type = 'customer.identified')              AS identified_at,
       min(occurred_at) FILTER (WHERE type = 'lead.captured')                    AS lead_captured_at,
       arg_min(lead_source, moment) FILTER (WHERE type = 'lead.captured')        AS lead_source,
       min(occurred_at) FILTER (WHERE type = 'lead.qualified')                   AS qualified_at,
       min(occurred_at) FILTER (WHERE type = 'lead.disqualified')                AS disqualified_at,
       arg_max(type, moment) FILTER (WHERE type IN ('lead.qualified', 'lead.disqualified'))
                                                                                 AS lead_verdict,
       max(occurred_at) FILTER (WHERE type IN ('lead.qualified', 'lead.disqualified'))
                                                                                 AS lead_verdict_at,
       min(occurred_at) FILTER (WHERE type = 'deal.opened')                      AS first_deal_opened_at,
       min(occurred_at) FILTER (WHERE type = 'deal.won')                         AS first_deal_won_at,
       count(*) FILTER (WHERE type = 'order.placed')                             AS orders,
       min(occurred_at) FILTER (WHERE type = 'order.placed')                     AS first_order_at,
       max(occurred_at) FILTER (WHERE type = 'order.placed')                     AS last_order_at,
       min(occurred_at) FILTER (WHERE type = 'subscription.started')             AS first_subscription_at,
       max(occurred_at) FILTER (WHERE type IN ('subscription.started', 'subscription.renewed'))
                                                                                 AS last_subscription_at,
       max(occurred_at) FILTER (WHERE type = 'subscription.cancelled')           AS last_cancellation_at,
       count(*) FILTER (WHERE type = 'ticket.opened')                            AS tickets,
       max(occurred_at) FILTER (WHERE type = 'ticket.opened')                    AS last_ticket_at,
       max(occurred_at) FILTER (WHERE type = 'survey.answered')                  AS last_survey_at,
       arg_max(score, moment) FILTER (WHERE survey = 'nps')                      AS last_nps,
       max(occurred_at) FILTER (WHERE survey = 'nps')                            AS last_nps_at,
       arg_max(score, moment) FILTER (WHERE survey = 'csat')                     AS last_csat,
       max(occurred_at) FILTER (WHERE survey = 'csat')                           AS last_csat_at,
       arg_max(score, moment) FILTER (WHERE survey = 'ces')                      AS last_ces,
       max(occurred_at) FILTER (WHERE survey = 'ces')                            AS last_ces_at,
       arg_max(score_model, moment) FILTER (WHERE type = 'score.recorded')       AS score_model,
       arg_max(score_value, moment) FILTER (WHERE type = 'score.recorded')       AS score_value
FROM events
WHERE domain NOT IN ('privacy', 'audit')
GROUP BY customer;
