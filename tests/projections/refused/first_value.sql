-- first_value: made to be refused.
SELECT customer, first(language) AS language FROM events GROUP BY customer;
