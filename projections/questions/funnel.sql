-- funnel: one row a step on the way to a sale; who ever came so far, how many went on, and how fast.
--
-- First customers, from lead to won, then the deals of each pipeline, stage by stage. Whoever is seen in any
-- later step has gone on, even past steps that nobody noted. `median_days` is from first coming here to the
-- first later step since, the lower of two middles. Won is what stands won: not a deal reopened since. A stage that the definition no longer knows has no place,
-- and what comes after it is not known. Whole numbers, rounded down.
WITH step AS (
    SELECT 'customers' AS counted, NULL AS pipeline, customer::VARCHAR AS passing, place, stage, place = 4 AS last, first_entered
    FROM (
        SELECT customer, 1 AS place, 'lead' AS stage, lead_captured_at AS first_entered FROM customer_milestone
        UNION ALL
        SELECT customer, 2, 'qualified', qualified_at FROM customer_milestone
        UNION ALL
        SELECT customer, 3, 'opportunity', first_deal_opened_at FROM customer_milestone
        UNION ALL
        SELECT coalesce(merged.canonical, deal.contact), 4, 'won', min(deal.won_at)
        FROM deal
        LEFT JOIN merged ON merged.customer = deal.contact
        WHERE deal.state = 'deal.won' AND deal.contact IS NOT NULL
        GROUP BY 1
    )
    WHERE first_entered IS NOT NULL
    UNION ALL
    SELECT 'deals', pipeline, deal, place, stage, false, first_entered
    FROM deal_step
    UNION ALL
    SELECT 'deals', coalesce(deal.pipeline, ''), deal.deal,
           coalesce(json_array_length(pipeline_stages.stages), 0)::BIGINT + 1, 'won', true, deal.won_at
    FROM deal
    LEFT JOIN pipeline_stages ON pipeline_stages.pipeline = deal.pipeline
    WHERE deal.state = 'deal.won'
),
passed AS (
    SELECT here.counted,
           here.pipeline,
           here.place,
           here.stage,
           here.last,
           count(later.place) > 0     AS gone,
           date_sub('day', here.first_entered, min(later.first_entered)
               FILTER (WHERE later.first_entered >= here.first_entered)) AS days
    FROM step AS here
    LEFT JOIN step AS later
           ON later.counted = here.counted AND later.passing = here.passing AND later.place > here.place
    GROUP BY here.counted, here.pipeline, here.passing, here.place, here.stage, here.last, here.first_entered
)
SELECT counted, pipeline, place, stage, entered, went_on,
       -- Conversion = those who went on / those who came: Farris, Bendle, Pfeifer, Reibstein, Marketing
       -- Metrics, "Pipeline analysis".
       10000 * went_on // entered     AS conversion_bp,
       median_days
FROM (
    SELECT counted, pipeline, place, stage, last,
           count(*)                                                                            AS entered,
           CASE WHEN place IS NOT NULL AND NOT last THEN count(*) FILTER (WHERE gone) END      AS went_on,
           quantile_disc(days, 0.5)                                                            AS median_days
    FROM passed
    GROUP BY counted, pipeline, place, stage, last
)
ORDER BY counted, pipeline, place NULLS LAST, last, stage;
