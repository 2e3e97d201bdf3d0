-- ticket_sla: one row a ticket; whether what was promised was kept, or still can be, by :now.
--
-- Both limits count from the opening, nights, weekends and reopenings included. Each state is none (nothing
-- was promised), met, breached, or while nothing has been done in_time, and at_risk when less than a fifth
-- of the time is left. A ticket that was settled without a word was answered by that. Whole minutes,
-- rounded down. Tickets whose opening is not known yet are left out.
WITH kept AS (
    SELECT ticket.*,
           state IN ('ticket.opened', 'ticket.reopened')                          AS open,
           -- What is promised within more than a century is not promised; it might leave the calendar.
           CASE WHEN respond_within_minutes < 52560000
                THEN opened_at + to_minutes(respond_within_minutes) END           AS respond_by,
           CASE WHEN resolve_within_minutes < 52560000
                THEN opened_at + to_minutes(resolve_within_minutes) END           AS resolve_by,
           -- Reopened and closed without another answer: what was resolved before did not hold.
           CASE WHEN state IN ('ticket.resolved', 'ticket.closed')
                THEN CASE WHEN resolved_at >= coalesce(reopened_at, resolved_at) THEN resolved_at ELSE closed_at END
           END                                                                    AS settled_at
    FROM ticket
    WHERE opened_at IS NOT NULL
),
judged AS (
    SELECT *, coalesce(first_response_at, settled_at) AS answered_at FROM kept
)
SELECT ticket,
       opened_at,
       open,
       priority,
       coalesce(market, '')                                                       AS market,
       team,
       assignee,
       account,
       coalesce(merged.canonical, contact)                                        AS customer,
       respond_by,
       answered_at,
       CASE WHEN answered_at >= opened_at THEN date_sub('minute', opened_at, answered_at)
            WHEN answered_at <  opened_at THEN 0 END                              AS response_minutes,
       CASE WHEN respond_by IS NULL                                  THEN 'none'
            WHEN answered_at <= respond_by                           THEN 'met'
            WHEN answered_at IS NOT NULL OR respond_by < :now        THEN 'breached'
            WHEN 5 * (respond_by - :now) < respond_by - opened_at    THEN 'at_risk'
            ELSE 'in_time' END                                                    AS response_state,
       resolve_by,
       settled_at,
       CASE WHEN settled_at >= opened_at THEN date_sub('minute', opened_at, settled_at)
            WHEN settled_at <  opened_at THEN 0 END                               AS resolution_minutes,
       CASE WHEN resolve_by IS NULL                                  THEN 'none'
            WHEN settled_at <= resolve_by                            THEN 'met'
            WHEN settled_at IS NOT NULL OR resolve_by < :now         THEN 'breached'
            WHEN 5 * (resolve_by - :now) < resolve_by - opened_at    THEN 'at_risk'
            ELSE 'in_time' END                                                    AS resolution_state
FROM judged
LEFT JOIN merged ON merged.customer = judged.contact
ORDER BY opened_at, ticket;
