-- Held until the migrations are committed: who comes second finds nothing left to do.
SELECT pg_advisory_xact_lock(hashtextextended('bahi migrations of ' || %(schema)s, 0))
