-- opened_by: one row an actor, purpose and day (UTC); how often they opened somebody's sealed data.
--
-- It names nobody whose data it was, so it outlives them. `of_nobody_known` counts what concerns no customer:
-- dead letters that name nobody known, requests of people who are erased.
SELECT actor,
       purpose,
       occurred_at::DATE                                            AS day,
       count(*) FILTER (WHERE type = 'personal_data.opened')        AS openings,
       count(*) FILTER (WHERE type = 'personal_data.exported')      AS exported,
       count(*) FILTER (WHERE customer IS NULL)                     AS of_nobody_known,
       min(occurred_at)                                             AS first_at,
       max(occurred_at)                                             AS last_at
FROM events
WHERE type IN ('personal_data.opened', 'personal_data.exported')
GROUP BY actor, purpose, day;
