-- A new vault becomes part of a ledger.
UPDATE vault SET ledger_id = ? WHERE ledger_id IS NULL
