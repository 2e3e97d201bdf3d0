-- age_of: made to be refused.
SELECT customer, count(*) FILTER (WHERE age(occurred_at) < INTERVAL 1 DAY) AS n FROM events GROUP BY customer;
