-- macro_clock: made to be refused.
SELECT customer, count(*) FILTER (WHERE occurred_at > ago(INTERVAL 1 DAY)::TIMESTAMP) AS n FROM events GROUP BY customer;
