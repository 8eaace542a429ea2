"""Runs and watches the services: on this machine, on a cluster, and in Superset."""
