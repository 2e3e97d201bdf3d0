-- ordered: made to be refused.
SELECT customer, count(*) AS n FROM events GROUP BY customer ORDER BY n;
