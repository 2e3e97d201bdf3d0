-- common_table: made to be refused.
WITH placed AS (SELECT * FROM events) SELECT customer, count(*) AS n FROM events GROUP BY customer;
