-- sum_distinct: made to be refused.
SELECT customer, sum(DISTINCT amount_minor) AS amounts FROM events GROUP BY customer;
