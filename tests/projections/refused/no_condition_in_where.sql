-- no_condition_in_where: made to be refused.
SELECT customer, count(*) AS n FROM events WHERE amount_minor GROUP BY customer;
