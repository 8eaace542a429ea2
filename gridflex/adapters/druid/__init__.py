"""Druid's edge: SQL, tasks, supervisors and tables, all through the router."""
