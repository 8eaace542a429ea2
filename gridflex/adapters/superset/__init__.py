"""Connects to Superset: its REST API, and its users."""
