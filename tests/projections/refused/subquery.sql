-- subquery: made to be refused.
SELECT customer, count(*) FILTER (WHERE type = (SELECT max(type) FROM events)) AS n FROM events GROUP BY customer;
