-- pipeline_stages: one row a pipeline; its stages in their order, each with the chance of winning.
--
-- `stages` is JSON: [{"stage": …, "win_percent": …}, …]. What is undefined is ''.
SELECT pipeline,
       arg_max(stages::VARCHAR, moment)        AS stages,
       arg_max(coalesce(currency, ''), moment) AS currency,
       arg_max(coalesce(market, ''), moment)   AS market,
       max(occurred_at)                        AS defined_at
FROM events
WHERE type = 'pipeline.defined'
GROUP BY pipeline;
