"""Forecasts the day after, scores forecasts, and computes the day-ahead baseline, from Druid's rollup."""
