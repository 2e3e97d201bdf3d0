SELECT ledger_id FROM identity
