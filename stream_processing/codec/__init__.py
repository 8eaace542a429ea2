"""Decodes Kafka's bytes into columns of readings, and encodes the job's results as bytes."""
