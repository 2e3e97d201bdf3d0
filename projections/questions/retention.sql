-- retention: one row a cohort, months since and market; of those who first ordered in a month, who ordered then.
--
-- No market is all markets together, '' an unknown one. `retained` is in basis points, rounded down. The last row of a
-- cohort is the month of :now, which may not be over.
WITH bought AS (
    SELECT customer, coalesce(milestone.market, '') AS market, month,
           min(month) OVER (PARTITION BY customer)  AS cohort
    FROM customer_month AS ordering JOIN customer_milestone AS milestone USING (customer)
    WHERE ordering.orders > 0
),
active AS (
    SELECT cohort, market, date_diff('month', cohort, month) AS months_since, count(*) AS active
    FROM bought
    GROUP BY GROUPING SETS ((cohort, months_since, market), (cohort, months_since))
),
cohort AS (
    SELECT cohort, market, active AS buyers,
           unnest(generate_series(0, date_diff('month', cohort, :now))) AS months_since
    FROM active
    WHERE months_since = 0
)
-- Who of a cohort was active in each period since: Fader, Hardie, How to Project Customer Retention, J. Interactive
-- Marketing 21(1), 2007. There are no contracts here, so somebody may be gone for a month and come back.
SELECT cohort.cohort,
       cohort.months_since,
       cohort.market,
       cohort.buyers,
       coalesce(active.active, 0)                            AS active,
       10000 * coalesce(active.active, 0) // cohort.buyers   AS retained
FROM cohort
LEFT JOIN active ON active.cohort = cohort.cohort AND active.months_since = cohort.months_since
                AND active.market IS NOT DISTINCT FROM cohort.market
ORDER BY cohort.cohort, cohort.market NULLS FIRST, cohort.months_since;
