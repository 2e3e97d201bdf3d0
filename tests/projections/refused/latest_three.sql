-- latest_three: made to be refused.
SELECT customer, arg_max(language, moment, 3) AS languages FROM events GROUP BY customer;
