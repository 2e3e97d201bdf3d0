-- field_of_data: made to be refused.
SELECT customer, max(data.colour) AS colour FROM events GROUP BY customer;
