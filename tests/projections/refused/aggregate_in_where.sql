-- aggregate_in_where: made to be refused.
SELECT customer, count(*) AS n FROM events WHERE count(*) > 1 GROUP BY customer;
