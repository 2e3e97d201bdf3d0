-- deal: one row a deal; where it stands, what it may be worth, and how it came to that.
--
-- It is open while `state` is deal.opened or deal.reopened; `closed_at` means something while it is
-- not. The currency is the amount's: a deal without an amount has none.
SELECT deal,
       arg_max(pipeline, moment)                                                AS pipeline,
       arg_max(stage, moment)                                                   AS stage,
       arg_max(currency, moment) FILTER (WHERE amount_minor IS NOT NULL)        AS currency,
       arg_max(amount_minor, moment)                                            AS amount_minor,
       arg_max(market, moment)                                                  AS market,
       arg_max(account, moment)                                                 AS account,
       arg_max(customer, moment)                                                AS contact,
       arg_min(campaign, moment)                                                AS campaign,
       arg_max(actor, moment)                                                   AS owner,
       min(occurred_at) FILTER (WHERE type = 'deal.opened')                     AS opened_at,
       arg_max(type, moment)
           FILTER (WHERE type IN ('deal.opened', 'deal.won', 'deal.lost', 'deal.reopened')) AS state,
       max(occurred_at) FILTER (WHERE type IN ('deal.won', 'deal.lost'))        AS closed_at,
       max(occurred_at) FILTER (WHERE type = 'deal.won')                        AS won_at,
       max(occurred_at) FILTER (WHERE type = 'deal.lost')                       AS lost_at,
       arg_max(reason, moment) FILTER (WHERE type = 'deal.lost')                AS lost_reason,
       arg_max(competitor, moment)                                              AS competitor,
       arg_max(expected_close, moment)                                          AS expected_close,
       count(*) FILTER (WHERE type = 'deal.moved')                              AS moves,
       count(*) FILTER (WHERE type = 'deal.reopened')                           AS reopenings,
       max(occurred_at)                                                         AS last_seen
FROM events
WHERE type LIKE 'deal.%'
GROUP BY deal;
