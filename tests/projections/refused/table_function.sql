-- table_function: made to be refused.
SELECT customer, count(*) AS n FROM read_csv('events') GROUP BY customer;
