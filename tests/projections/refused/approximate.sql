-- approximate: made to be refused.
SELECT customer, approx_count_distinct(campaign) AS campaigns FROM events GROUP BY customer;
