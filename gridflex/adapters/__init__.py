"""Edges to services: a folder or module each; and Avro, in which they speak."""
