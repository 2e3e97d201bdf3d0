-- setting: made to be refused.
SELECT customer, max(current_setting('TimeZone')) AS zone FROM events GROUP BY customer;
