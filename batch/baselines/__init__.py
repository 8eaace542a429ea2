"""Baselines, their scores and candidate days over Druid's rollup, day by day."""
