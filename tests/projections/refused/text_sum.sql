-- text_sum: made to be refused.
SELECT customer, sum(campaign) AS amount FROM events GROUP BY customer;
