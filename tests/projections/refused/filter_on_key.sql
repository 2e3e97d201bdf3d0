-- filter_on_key: made to be refused.
SELECT customer, lower(type) FILTER (WHERE type = 'a') AS kind, count(*) AS n FROM events GROUP BY customer, kind;
