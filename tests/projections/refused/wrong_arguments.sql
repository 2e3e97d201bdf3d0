-- wrong_arguments: made to be refused.
SELECT customer, max(date_trunc(occurred_at)) AS day FROM events GROUP BY customer;
