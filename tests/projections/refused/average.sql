-- average: made to be refused.
SELECT customer, avg(amount_minor) AS typical FROM events GROUP BY customer;
