-- around_aggregates: made to be refused.
SELECT customer, max(occurred_at) - min(occurred_at) AS known_for FROM events GROUP BY customer;
