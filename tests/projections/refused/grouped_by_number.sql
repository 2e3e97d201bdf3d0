-- grouped_by_number: made to be refused.
SELECT customer, count(*) AS n FROM events GROUP BY 1;
