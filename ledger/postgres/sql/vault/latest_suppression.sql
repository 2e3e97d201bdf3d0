-- Until when the latest of the suppressions lasts, if that is later than a moment.
SELECT max(until) FROM suppression WHERE until > %s
