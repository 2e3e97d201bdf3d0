-- task: one row a task; what is to be done, by whom and by when, and whether it was.
--
-- It is open while `state` is task.scheduled.
SELECT task,
       arg_max(task_kind, moment)                                  AS kind,
       arg_max(due_at, moment)                                     AS due_at,
       min(occurred_at) FILTER (WHERE type = 'task.scheduled')     AS scheduled_at,
       arg_max(assignee, moment)                                   AS assignee,
       arg_max(customer, moment)                                   AS contact,
       arg_max(account, moment)                                    AS account,
       arg_max(deal, moment)                                       AS deal,
       max(occurred_at) FILTER (WHERE type = 'task.completed')     AS completed_at,
       arg_max(type, moment)                                       AS state,
       arg_max(outcome, moment)                                    AS outcome
FROM events
WHERE type IN ('task.scheduled', 'task.completed')
GROUP BY task;
