-- Whose vault it is, and how often it was written.
SELECT ledger_id, generation FROM vault
