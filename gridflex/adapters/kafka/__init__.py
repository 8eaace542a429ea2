"""Kafka's edge: clients, the transactional writer, topics, access, and positions in topics."""
