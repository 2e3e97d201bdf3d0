-- grouped_by_all: made to be refused.
SELECT customer, count(*) AS n FROM events GROUP BY ALL;
