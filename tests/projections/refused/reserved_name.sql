-- reserved_name: made to be refused.
SELECT customer, count(*) AS _n FROM events GROUP BY customer;
