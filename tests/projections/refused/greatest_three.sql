-- greatest_three: made to be refused.
SELECT customer, max(amount_minor, 3) AS amounts FROM events GROUP BY customer;
