-- clock: made to be refused.
SELECT customer, count(*) FILTER (WHERE occurred_at > now()::TIMESTAMP - INTERVAL 1 DAY) AS n FROM events GROUP BY customer;
