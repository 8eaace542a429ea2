"""Superset's edge: its REST API, and who may sign in."""
