-- no_key: made to be refused.
SELECT count(*) AS n FROM events;
