-- a_file: made to be refused.
SELECT customer, count(*) AS n FROM 'events.parquet' GROUP BY customer;
