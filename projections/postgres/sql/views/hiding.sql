-- The views that show nobody who is hidden; one that an earlier version made shows everybody.
SELECT viewname FROM pg_views
WHERE schemaname = current_schema() AND strpos(definition, 'hidden_customer') > 0
