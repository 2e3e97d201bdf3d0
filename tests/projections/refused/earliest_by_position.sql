-- earliest_by_position: made to be refused.
SELECT customer, arg_min(language, position) AS language FROM events GROUP BY customer;
