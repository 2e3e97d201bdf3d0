-- unknown_function: made to be refused.
SELECT customer, max(shorten(campaign)) AS campaign FROM events GROUP BY customer;
