"""Edges to services: one folder or module a service."""
