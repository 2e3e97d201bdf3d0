-- subquery_in_where: made to be refused.
SELECT customer, count(*) AS n FROM events WHERE customer IN (SELECT other FROM events) GROUP BY customer;
