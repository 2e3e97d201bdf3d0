({customer}) NOT IN (SELECT customer FROM hidden)
