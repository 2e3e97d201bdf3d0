-- array_agg: made to be refused.
SELECT customer, array_agg(campaign) AS campaigns FROM events GROUP BY customer;
