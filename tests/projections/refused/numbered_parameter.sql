-- numbered_parameter: made to be refused.
SELECT customer, count(*) FILTER (WHERE type = $1) AS n FROM events GROUP BY customer;
