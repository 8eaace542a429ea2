"""Whether Druid holds what Kafka held, and whether it is good enough to compute from."""
