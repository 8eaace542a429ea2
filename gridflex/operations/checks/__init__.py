"""Checks a running platform, on one machine or a cluster: ``gridflex deploy check``."""
