"""Connects to the events service: its address, its tokens, and its client."""
