-- lambda: made to be refused.
SELECT customer, max(len(list_filter([campaign], lambda c: c = 'a'))) AS n FROM events GROUP BY customer;
