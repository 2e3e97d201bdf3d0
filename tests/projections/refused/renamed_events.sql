-- renamed_events: made to be refused.
SELECT customer, count(*) AS n FROM events AS e GROUP BY customer;
