"""Manages dashboards as code: the files of frontend/superset/assets, and a Superset that shows them."""
