-- privacy_due: one row a duty that is open; what we owe to whoever asked about their data, and by which day.
--
-- `duty` is answer, or confirm where the law has us say that the request has come. `days_left` counts days of
-- the calendar where it is answered: 0 on the last day, and overdue below. While a clock `waits` for
-- somebody to show who they are, it shows the day on which they were asked. `holds` forbid an erasure.
WITH asked AS (
    SELECT *, coalesce(time_zone, 'UTC') AS zone,
           -- Of those known here, only the GDPR's clock waits: commands/privacy/laws.py has the sources.
           law = 'gdpr' AND state = 'privacy.challenged' AS waits
    FROM privacy_request
    WHERE received_at IS NOT NULL
      AND state NOT IN ('privacy.refused', 'privacy.fulfilled', 'customer.erased')
),
duty AS (
    SELECT *, 'answer' AS duty, due_on AS last_day, CASE WHEN waits THEN challenged_at ELSE :now END AS seen_at
    FROM asked
    UNION ALL
    SELECT *, 'confirm', confirm_by, :now
    FROM asked
    WHERE confirm_by IS NOT NULL AND confirmed_at IS NULL
),
held AS (
    SELECT customer, string_agg(DISTINCT hold, ', ' ORDER BY hold) AS holds
    FROM hold
    WHERE state = 'hold.placed'
    GROUP BY customer
)
SELECT request,
       duty,
       last_day                                                    AS due_on,
       last_day - timezone(zone, timezone('UTC', seen_at))::DATE   AS days_left,
       days_left < 0                                               AS overdue,
       "right",
       law,
       CASE state WHEN 'privacy.requested'  THEN 'received'
                  WHEN 'privacy.challenged' THEN 'challenged'
                  WHEN 'privacy.verified'   THEN 'verified'
                  ELSE 'executing' END                             AS state,
       waits AND duty = 'answer'                                   AS waits,
       extended_at IS NOT NULL                                     AS extended,
       CASE WHEN "right" = 'erasure' THEN holds END                AS holds,
       coalesce(merged.canonical, person)                          AS customer,
       received_at
FROM duty
LEFT JOIN merged ON merged.customer = duty.person
LEFT JOIN held ON held.customer = coalesce(merged.canonical, person)
ORDER BY last_day, received_at, request, duty;
