-- opened: one row a person, actor, purpose and day (UTC); who opened their sealed data, and what was handed out.
--
-- What an actor opens again within an hour, for the same purpose and reason, counts once. `exported` counts the
-- files that left; `last_recipient` is whom the latest of them went to.
SELECT customer,
       actor,
       purpose,
       occurred_at::DATE                                            AS day,
       count(*) FILTER (WHERE type = 'personal_data.opened')        AS openings,
       count(*) FILTER (WHERE type = 'personal_data.exported')      AS exported,
       min(occurred_at)                                             AS first_at,
       max(occurred_at)                                             AS last_at,
       arg_max(recipient, moment)                                   AS last_recipient
FROM events
WHERE type IN ('personal_data.opened', 'personal_data.exported')
GROUP BY customer, actor, purpose, day;
