-- grouped_by_less: made to be refused.
SELECT customer, currency, count(*) AS n FROM events GROUP BY customer;
