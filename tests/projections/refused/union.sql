-- union: made to be refused.
SELECT customer, count(*) AS n FROM events GROUP BY customer UNION SELECT customer, 1 FROM events;
