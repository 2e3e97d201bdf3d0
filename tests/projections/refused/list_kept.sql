-- list_kept: made to be refused.
SELECT customer, max([campaign]) AS campaigns FROM events GROUP BY customer;
