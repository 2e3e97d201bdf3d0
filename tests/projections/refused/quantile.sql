-- quantile: made to be refused.
SELECT customer, quantile_disc(amount_minor, 0.9) AS large FROM events GROUP BY customer;
