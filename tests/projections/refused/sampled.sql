-- sampled: made to be refused.
SELECT customer, count(*) AS n FROM events USING SAMPLE 10% GROUP BY customer;
