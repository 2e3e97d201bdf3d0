-- same_name: made to be refused.
SELECT customer, count(*) AS n, max(type) AS N FROM events GROUP BY customer;
