-- ordered_aggregate: made to be refused.
SELECT customer, min(language ORDER BY moment) AS language FROM events GROUP BY customer;
