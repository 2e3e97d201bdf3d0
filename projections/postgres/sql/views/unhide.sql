DELETE FROM hidden_customer WHERE customer = ANY (%(customers)s::uuid[])
