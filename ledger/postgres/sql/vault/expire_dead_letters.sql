-- Destroy the letters that were kept at or before a moment.
DELETE FROM dead_letter WHERE kept_at <= %s RETURNING id
