-- daily: one row a day (UTC), type, market and currency; how much happened, for how much, and how people answered.
--
-- Events without a market or a currency count under ''. Whoever answers nps with 9 or 10 promotes, with 6 or less
-- detracts; csat of 4 or 5 is satisfied; ces is summed, to be divided by its answers.
SELECT occurred_at::DATE                                                   AS day,
       type,
       coalesce(market, '')                                                AS market,
       coalesce(currency, '')                                              AS currency,
       count(*)                                                            AS events,
       sum(amount_minor)                                                   AS amount_minor,
       count(*) FILTER (WHERE survey = 'nps' AND score >= 9)               AS promoters,
       count(*) FILTER (WHERE survey = 'nps' AND score BETWEEN 7 AND 8)    AS passives,
       count(*) FILTER (WHERE survey = 'nps' AND score <= 6)               AS detractors,
       count(*) FILTER (WHERE survey = 'csat')                             AS csat_answers,
       count(*) FILTER (WHERE survey = 'csat' AND score >= 4)              AS csat_satisfied,
       count(*) FILTER (WHERE survey = 'ces')                              AS ces_answers,
       sum(score) FILTER (WHERE survey = 'ces')                            AS ces_total
FROM events
GROUP BY day, type, market, currency;
