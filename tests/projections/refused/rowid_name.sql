-- rowid_name: made to be refused.
SELECT customer, count(*) AS rowid FROM events GROUP BY customer;
