-- no_condition: made to be refused.
SELECT customer, count(*) FILTER (WHERE type) AS n FROM events GROUP BY customer;
