"""Connects to services, a folder or module for each, and encodes Avro, their format."""
