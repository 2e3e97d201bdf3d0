-- timestamp_now: made to be refused.
SELECT customer, count(*) FILTER (WHERE occurred_at > current_timestamp::TIMESTAMP) AS n FROM events GROUP BY customer;
