-- Whether our schema is there.
SELECT FROM pg_namespace WHERE nspname = %(schema)s
