-- no_sql: made to be refused.
SELECT customer FROM events GROUP BY (;
