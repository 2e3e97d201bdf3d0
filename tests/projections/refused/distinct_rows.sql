-- distinct_rows: made to be refused.
SELECT DISTINCT customer, count(*) AS n FROM events GROUP BY customer;
