"""What stands between a signed-in person and Druid: who may ask what, and a look at the SQL before it is sent.

Loaded by ``superset_config.py`` in Superset's own environment.
"""
