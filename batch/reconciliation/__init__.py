"""Compares Druid with Kafka, and checks that Druid's data is good enough for batch jobs."""
