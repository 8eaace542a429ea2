"""Decides who may ask Druid what through Superset, and checks each SQL query before it is sent.

Loaded by ``superset_config.py`` in Superset's own environment.
"""
