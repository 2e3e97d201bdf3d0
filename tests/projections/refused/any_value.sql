-- any_value: made to be refused.
SELECT customer, any_value(language) AS language FROM events GROUP BY customer;
