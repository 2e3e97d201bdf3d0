-- nameless: made to be refused.
SELECT customer, count(*) FROM events GROUP BY customer;
