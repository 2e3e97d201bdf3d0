-- latest_by_time: made to be refused.
SELECT customer, arg_max(language, occurred_at) AS language FROM events GROUP BY customer;
