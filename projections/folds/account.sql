-- account: one row a company; what we know of it, and how much we have had to do with it.
--
-- Counts are of events that name the account: a deal that was won, reopened and won again is two wins; how many
-- stand won is asked of deal. Its members are in account_member; money is asked of deal, since it never adds up
-- across currencies.
SELECT account,
       arg_max(account_name, moment)                       AS account_name,
       arg_max(industry, moment)                           AS industry,
       arg_max(employees, moment)                          AS employees,
       arg_max(sole_trader, moment)                        AS sole_trader,
       arg_max(market, moment)                             AS market,
       min(occurred_at)                                    AS first_seen,
       max(occurred_at)                                    AS last_seen,
       arg_max(type, moment)                               AS last_activity,
       count(*) FILTER (WHERE type = 'deal.opened')        AS deals_opened,
       count(*) FILTER (WHERE type = 'deal.won')           AS wins,
       count(*) FILTER (WHERE type = 'deal.lost')          AS losses,
       count(*) FILTER (WHERE type = 'ticket.opened')      AS tickets,
       count(*) FILTER (WHERE type = 'order.placed')       AS orders
FROM events
WHERE domain IN ('touchpoint', 'sales', 'service')
GROUP BY account;
