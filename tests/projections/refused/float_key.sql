-- float_key: made to be refused.
SELECT amount_minor::DOUBLE AS amount, count(*) AS n FROM events GROUP BY amount;
