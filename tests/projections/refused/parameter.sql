-- parameter: made to be refused.
SELECT customer, count(*) FILTER (WHERE occurred_at < :now) AS n FROM events GROUP BY customer;
