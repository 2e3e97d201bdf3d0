-- decimal_sum: made to be refused.
SELECT customer, sum(amount_minor::DECIMAL(18, 2)) AS amount FROM events GROUP BY customer;
