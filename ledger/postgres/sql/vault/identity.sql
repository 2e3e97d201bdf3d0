-- Whose vault it is, and how often it was written.
SELECT
    (SELECT ledger_id FROM vault),
    coalesce((SELECT number FROM generation ORDER BY number DESC LIMIT 1), 0)
