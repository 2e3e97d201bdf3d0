-- text_of_customer: made to be refused.
SELECT 'to ' || customer AS whom, count(*) AS n FROM events GROUP BY whom;
