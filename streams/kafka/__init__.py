"""Apache Kafka: what the book takes goes out to topics, and what others produce comes in."""
