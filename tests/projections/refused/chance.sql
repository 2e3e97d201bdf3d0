-- chance: made to be refused.
SELECT customer, count(*) AS n FROM events WHERE random() < 0.5 GROUP BY customer;
