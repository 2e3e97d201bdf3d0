-- aggregate_in_filter: made to be refused.
SELECT customer, count(*) FILTER (WHERE amount_minor > max(amount_minor)) AS n FROM events GROUP BY customer;
