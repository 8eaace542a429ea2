"""The edge to the events service: where it is, who may use it, and its client."""
