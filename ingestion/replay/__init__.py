"""Replays a data set into Kafka: in which order, at which pace, and from where it stopped."""
