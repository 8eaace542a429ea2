"""Computes baselines, their scores and their candidate days from Druid's rollup, day by day."""
