INSERT INTO hidden_customer SELECT unnest(%(customers)s::uuid[]) ON CONFLICT DO NOTHING
