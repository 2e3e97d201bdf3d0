-- A new vault becomes part of a ledger.
UPDATE vault SET ledger_id = %b WHERE ledger_id IS NULL
