-- not_grouped: made to be refused.
SELECT customer, count(*) AS n FROM events;
