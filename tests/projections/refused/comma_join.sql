-- comma_join: made to be refused.
SELECT customer, count(*) AS n FROM events, events AS other GROUP BY customer;
