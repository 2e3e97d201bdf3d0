-- grouped_by_cube: made to be refused.
SELECT customer, currency, count(*) AS n FROM events GROUP BY CUBE (customer, currency);
