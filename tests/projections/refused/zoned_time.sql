-- zoned_time: made to be refused.
SELECT customer, max(occurred_at::TIMESTAMPTZ) AS last_seen FROM events GROUP BY customer;
