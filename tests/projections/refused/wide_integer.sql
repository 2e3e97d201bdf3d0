-- wide_integer: made to be refused.
SELECT customer, max(amount_minor::HUGEINT) AS amount FROM events GROUP BY customer;
