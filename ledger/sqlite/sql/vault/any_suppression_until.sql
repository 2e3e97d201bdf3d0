-- Has any suppression had its time, at a moment?
SELECT 1 FROM suppression WHERE until <= ? LIMIT 1
