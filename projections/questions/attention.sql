-- attention: one row a person, company or thing that needs one of us now, and why; most pressing first.
--
-- `since` is when it began to need us, `due` by when it wants doing. Whether one may write to somebody is
-- for permission to say.
WITH threshold AS (
    -- Detractors answer 0 to 6: Reichheld, The One Number You Need to Grow, Harvard Business Review, 2003.
    SELECT 6                    AS unhappy_nps,
           2                    AS unhappy_csat,       -- of five
           INTERVAL 30 DAYS     AS survey_counts_for,
           3                    AS bought_often,
           INTERVAL 90 DAYS     AS silent_after,
           INTERVAL 365 DAYS    AS gone_after,
           7                    AS days_ahead          -- of an anniversary
),
reason AS (
    SELECT * FROM (VALUES
        ('sla_breached', 100), ('sla_at_risk', 90), ('unhappy_survey', 80), ('overdue_task', 70),
        ('deal_overdue', 60), ('silent_after_buying', 40), ('anniversary', 20)
    ) AS listed (reason, weight)
),
promised AS (
    -- The promise that is kept least, and of those the one that was, or is, due first.
    SELECT ticket, customer, account, opened_at, state, min(due) AS due
    FROM (
        SELECT ticket, customer, account, opened_at, response_state AS state, respond_by AS due
        FROM ticket_sla WHERE open AND answered_at IS NULL
        UNION ALL
        SELECT ticket, customer, account, opened_at, resolution_state, resolve_by
        FROM ticket_sla WHERE open
    )
    WHERE state IN ('breached', 'at_risk')
    GROUP BY ticket, customer, account, opened_at, state
    QUALIFY row_number() OVER (PARTITION BY ticket ORDER BY state = 'breached' DESC) = 1
),
answer AS (
    SELECT customer, last_nps_at AS at FROM customer_milestone, threshold WHERE last_nps <= unhappy_nps
    UNION ALL
    SELECT customer, last_csat_at FROM customer_milestone, threshold WHERE last_csat <= unhappy_csat
),
unhappy AS (
    -- Whoever was called, met or answered since has been seen to.
    SELECT answer.customer, max(answer.at) AS since
    FROM threshold, answer
    JOIN customer_dialogue ON customer_dialogue.customer = answer.customer
    WHERE answer.at >= :now - survey_counts_for
      AND coalesce(customer_dialogue.turned_to_at <= answer.at, true)
    GROUP BY answer.customer
),
silent AS (
    SELECT customer_360.customer, customer_dialogue.heard_from_at AS since
    FROM threshold, customer_360
    JOIN customer_dialogue ON customer_dialogue.customer = customer_360.customer
    WHERE (customer_360.orders >= bought_often
           OR customer_360.last_subscription_event IN ('subscription.started', 'subscription.renewed'))
      AND customer_dialogue.heard_from_at < :now - silent_after
      AND customer_dialogue.heard_from_at > :now - gone_after
),
anniversary AS (
    -- In years without a 29 February it is kept on the 28th; to_years clamps so.
    SELECT customer, first_order_at AS since, first_order_at::DATE + to_years(years) AS due
    FROM (
        SELECT customer, first_order_at, (year(:now) - year(first_order_at) + turn)::INTEGER AS years
        FROM customer_milestone, (VALUES (0), (1)) AS this_year_or_next (turn)
    ), threshold
    WHERE years >= 1 AND due::DATE BETWEEN :now::DATE AND :now::DATE + days_ahead
),
found AS (
    SELECT contact, account, 'overdue_task' AS reason, due_at AS since, due_at AS due, deal, NULL AS ticket, task
    FROM task
    WHERE state = 'task.scheduled' AND due_at < :now
    UNION ALL
    SELECT customer, account, CASE state WHEN 'breached' THEN 'sla_breached' ELSE 'sla_at_risk' END,
           opened_at, due, NULL, ticket, NULL
    FROM promised
    UNION ALL
    SELECT contact, account, 'deal_overdue', expected_close + INTERVAL 1 DAY, expected_close, deal, NULL, NULL
    FROM deal
    WHERE state IN ('deal.opened', 'deal.reopened') AND expected_close < :now::DATE
    UNION ALL
    SELECT customer, NULL, 'unhappy_survey', since, NULL, NULL, NULL, NULL FROM unhappy
    UNION ALL
    SELECT customer, NULL, 'silent_after_buying', since, NULL, NULL, NULL, NULL FROM silent
    UNION ALL
    SELECT customer, NULL, 'anniversary', since, due, NULL, NULL, NULL FROM anniversary
)
SELECT coalesce(merged.canonical, found.contact) AS customer,
       found.account, found.reason, found.since, found.due, reason.weight,
       found.deal, found.ticket, found.task
FROM found
JOIN reason ON reason.reason = found.reason
LEFT JOIN merged ON merged.customer = found.contact
ORDER BY weight DESC, coalesce(due, since), customer, deal, ticket, task;
