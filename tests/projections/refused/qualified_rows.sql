-- qualified_rows: made to be refused.
SELECT customer, count(*) AS n FROM events GROUP BY customer QUALIFY row_number() OVER (ORDER BY customer) = 1;
