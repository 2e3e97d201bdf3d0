-- nested_aggregate: made to be refused.
SELECT customer, sum(max(amount_minor)) AS n FROM events GROUP BY customer;
