-- Was any letter kept at or before a moment?
SELECT 1 FROM dead_letter WHERE kept_at <= %s LIMIT 1
