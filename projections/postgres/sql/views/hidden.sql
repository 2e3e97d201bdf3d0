SELECT customer FROM hidden_customer
