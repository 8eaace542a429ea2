"""Connects to Kafka: clients, the transactional writer, the reader, topics, access, and positions in topics."""
