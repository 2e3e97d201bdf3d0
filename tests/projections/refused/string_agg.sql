-- string_agg: made to be refused.
SELECT customer, string_agg(campaign, ',') AS campaigns FROM events GROUP BY customer;
