-- float_minimum: made to be refused.
SELECT customer, min(sqrt(amount_minor)) AS root FROM events GROUP BY customer;
