-- privacy_request: one row a request about somebody's data; what was asked, by when, and what became of it.
--
-- `state` is the type of the event since which it stands so: it is open until that is privacy.refused,
-- privacy.fulfilled or customer.erased. Days are those of a calendar in `time_zone`, UTC where there is none.
SELECT request,
       arg_max(customer, moment)                                                 AS person,
       arg_max("right", moment)                                                  AS "right",
       arg_max(law, moment)                                                      AS law,
       arg_max(jurisdiction, moment)                                             AS jurisdiction,
       arg_max(time_zone, moment)                                                AS time_zone,
       min(occurred_at) FILTER (WHERE type = 'privacy.requested')                AS received_at,
       arg_max(type, moment)
           FILTER (WHERE type NOT IN ('privacy.confirmed', 'privacy.extended'))  AS state,
       max(occurred_at)
           FILTER (WHERE type NOT IN ('privacy.confirmed', 'privacy.extended'))  AS since,
       arg_max(due_on, moment)                                                   AS due_on,
       arg_max(confirm_by, moment)                                               AS confirm_by,
       max(occurred_at) FILTER (WHERE type = 'privacy.confirmed')                AS confirmed_at,
       max(occurred_at) FILTER (WHERE type = 'privacy.challenged')               AS challenged_at,
       max(occurred_at) FILTER (WHERE type = 'privacy.verified')                 AS verified_at,
       arg_max(verified_by, moment)                                              AS verified_by,
       arg_max(actor, moment) FILTER (WHERE type = 'privacy.verified')           AS verifier,
       max(occurred_at) FILTER (WHERE type = 'privacy.extended')                 AS extended_at,
       arg_max(ground, moment) FILTER (WHERE type = 'privacy.extended')          AS extension_ground,
       max(occurred_at) FILTER (WHERE type = 'customer.erasing')                 AS erasing_at,
       arg_max(ground, moment) FILTER (WHERE type = 'privacy.refused')           AS refusal_ground,
       max(occurred_at)
           FILTER (WHERE type IN ('privacy.refused', 'privacy.fulfilled', 'customer.erased')) AS answered_at
FROM events
WHERE type LIKE 'privacy.%' OR type IN ('customer.erasing', 'customer.erased')
GROUP BY request;
