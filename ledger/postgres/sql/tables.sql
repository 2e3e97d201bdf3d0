-- What stands in our schema, ours and foreign.
SELECT tablename FROM pg_tables WHERE schemaname = %(schema)s
