"""In and out: files, Kafka, webhooks. What arrives becomes touchpoints; what is published is sealed."""
