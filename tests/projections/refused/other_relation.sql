-- other_relation: made to be refused.
SELECT customer, count(*) AS n FROM customers GROUP BY customer;
