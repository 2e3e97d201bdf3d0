-- pipeline: one row a pipeline, stage and currency; what is open, and how much of it is likely to come.
--
-- After the open deals come those won and lost in the quarter of :now, under their own `kind`. expected_minor
-- is of everything open, whenever it closes; expected_this_quarter_minor of what is to close by the end of the
-- quarter, or should have closed already, and of nothing without a day. The quarter's forecast in a currency
-- is what was won in it plus that: the sum of expected_this_quarter_minor. A stage that the definition no
-- longer knows has neither place nor win_percent, and its deals nothing that can be expected of them. '' is a
-- pipeline or currency that nobody named. Whole numbers, rounded down.
WITH priced AS (
    SELECT coalesce(deal.pipeline, '')                                AS pipeline,
           deal.deal,
           deal.stage,
           coalesce(deal.currency, pipeline_stages.currency, '')      AS currency,
           coalesce(deal.amount_minor, 0)                             AS amount_minor,
           deal.opened_at,
           deal.expected_close,
           deal.state,
           deal.closed_at
    FROM deal
    LEFT JOIN pipeline_stages ON pipeline_stages.pipeline = deal.pipeline
),
open_deal AS (
    SELECT priced.*,
           deal_step.place,
           deal_step.win_percent,
           greatest(date_sub('day', deal_step.last_entered, :now), 0) AS days
    FROM priced
    JOIN deal_step ON deal_step.deal = priced.deal AND deal_step.stage = priced.stage
    WHERE priced.state IN ('deal.opened', 'deal.reopened')
),
closed_deal AS (
    SELECT pipeline, currency, amount_minor, state = 'deal.won' AS won
    FROM priced
    WHERE state IN ('deal.won', 'deal.lost')
      AND closed_at >= date_trunc('quarter', :now)
      AND closed_at <= :now
)
SELECT pipeline, kind, place, stage, currency, deals, amount_minor, win_percent, expected_minor,
       expected_this_quarter_minor, oldest, average_days, overdue
FROM (
    SELECT pipeline,
           'open'                                                          AS kind,
           place,
           stage,
           currency,
           count(*)                                                        AS deals,
           sum(amount_minor)::BIGINT                                       AS amount_minor,
           win_percent,
           -- Expected = amount × probability of its stage, each deal by itself: Farris, Bendle, Pfeifer,
           -- Reibstein, Marketing Metrics, "Pipeline analysis".
           sum(amount_minor * win_percent // 100)::BIGINT                  AS expected_minor,
           CASE WHEN win_percent IS NOT NULL
                THEN coalesce(sum(amount_minor * win_percent // 100)
                         FILTER (WHERE expected_close < date_trunc('quarter', :now) + INTERVAL 3 MONTHS), 0)
           END::BIGINT                                                     AS expected_this_quarter_minor,
           min(opened_at)                                                  AS oldest,
           (sum(days) // count(*))::BIGINT                                 AS average_days,
           count(*) FILTER (WHERE expected_close < :now::DATE)             AS overdue,
           1                                                               AS part
    FROM open_deal
    GROUP BY pipeline, place, stage, currency, win_percent
    UNION ALL
    SELECT pipeline,
           CASE WHEN won THEN 'won' ELSE 'lost' END,
           NULL,
           NULL,
           currency,
           count(*),
           sum(amount_minor)::BIGINT,
           CASE WHEN won THEN 100 ELSE 0 END,
           CASE WHEN won THEN sum(amount_minor) ELSE 0 END::BIGINT,
           CASE WHEN won THEN sum(amount_minor) ELSE 0 END::BIGINT,
           NULL,
           NULL,
           NULL,
           CASE WHEN won THEN 2 ELSE 3 END
    FROM closed_deal
    GROUP BY pipeline, currency, won
)
ORDER BY pipeline, part, place NULLS LAST, stage, currency;
