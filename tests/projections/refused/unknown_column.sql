-- unknown_column: made to be refused.
SELECT customer, sum(amount) AS amount FROM events GROUP BY customer;
