"""Kafka's bytes to columns of readings, and what the job finds, back to bytes."""
