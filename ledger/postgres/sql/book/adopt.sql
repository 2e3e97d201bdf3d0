-- Whoever is first; the answer is read afterwards.
INSERT INTO identity (ledger_id) VALUES (%(ledger_id)s) ON CONFLICT (one) DO NOTHING
