-- division: made to be refused.
SELECT customer, sum(amount_minor / 100) AS amount FROM events GROUP BY customer;
