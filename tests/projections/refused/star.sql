-- star: made to be refused.
SELECT * FROM events GROUP BY customer;
