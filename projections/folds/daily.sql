-- daily: one row a day (UTC), type, market and currency; how much happened, and for how much.
--
-- Events without a market or a currency count under ''.
SELECT occurred_at::DATE      AS day,
       type,
       coalesce(market, '')   AS market,
       coalesce(currency, '') AS currency,
       count(*)               AS events,
       sum(amount_minor)      AS amount_minor
FROM events
GROUP BY day, type, market, currency;
