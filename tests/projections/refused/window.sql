-- window: made to be refused.
SELECT customer, sum(amount_minor) OVER (PARTITION BY customer) AS n FROM events GROUP BY customer;
