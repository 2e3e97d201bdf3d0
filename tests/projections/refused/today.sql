-- today: made to be refused.
SELECT customer, count(*) FILTER (WHERE occurred_at::DATE = current_date) AS n FROM events GROUP BY customer;
