-- float_sum: made to be refused.
SELECT customer, sum(amount_minor * 1.5::DOUBLE) AS amount FROM events GROUP BY customer;
