-- bool_of_number: made to be refused.
SELECT customer, bool_or(amount_minor) AS paid FROM events GROUP BY customer;
