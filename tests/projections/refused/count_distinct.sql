-- count_distinct: made to be refused.
SELECT customer, count(DISTINCT campaign) AS campaigns FROM events GROUP BY customer;
