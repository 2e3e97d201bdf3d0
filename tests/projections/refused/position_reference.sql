-- position_reference: made to be refused.
SELECT customer, max(#1) AS n FROM events GROUP BY customer;
