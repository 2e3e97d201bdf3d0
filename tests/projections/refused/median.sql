-- median: made to be refused.
SELECT customer, median(amount_minor) AS typical FROM events GROUP BY customer;
