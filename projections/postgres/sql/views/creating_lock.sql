-- Held until the table is there: of two who would make one, the second finds it made.
SELECT pg_advisory_xact_lock(hashtextextended('bahi views of ' || current_schema() || ' ' || %(name)s, 0))
