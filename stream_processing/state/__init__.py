"""Keeps the state of appliances between micro-batches, and updates it with their readings."""
