-- goal_set: one row a goal; the figure to be reached, as it was last set. The question goal says how far it got.
--
-- '' is a currency where nothing is paid, and every market: set again without one, the former is gone.
SELECT goal,
       arg_max(metric, moment)                 AS metric,
       arg_max(target, moment)                 AS target,
       arg_max(coalesce(currency, ''), moment) AS currency,
       arg_max(coalesce(market, ''), moment)   AS market,
       arg_max(period_start, moment)           AS period_start,
       arg_max(period_end, moment)             AS period_end,
       max(occurred_at)                        AS set_at
FROM events
WHERE type = 'goal.set'
GROUP BY goal;
