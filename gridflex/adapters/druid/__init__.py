"""Connects to Druid: SQL, tasks, supervisors and tables, all through the router."""
