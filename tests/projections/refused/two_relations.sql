-- two_relations: made to be refused.
SELECT events.customer, count(*) AS n FROM events JOIN events AS other USING (customer) GROUP BY events.customer;
