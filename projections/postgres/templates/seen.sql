NOT EXISTS (SELECT FROM hidden_customer WHERE hidden_customer.customer = kept.{column})
