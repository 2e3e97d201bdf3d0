-- hold: one row a person and hold; what forbids erasing them for now, why, and since when.
--
-- It stands while `state` is hold.placed. `member` is the customer as recorded: merged customers are read
-- as one, and a hold on any of them counts.
SELECT customer,
       customer                                                          AS member,
       hold,
       arg_max(type, moment)                                             AS state,
       arg_max(ground, moment) FILTER (WHERE type = 'hold.placed')       AS ground,
       max(occurred_at) FILTER (WHERE type = 'hold.placed')              AS placed_at,
       max(occurred_at) FILTER (WHERE type = 'hold.released')            AS released_at
FROM events
WHERE type IN ('hold.placed', 'hold.released')
GROUP BY customer, member, hold;
