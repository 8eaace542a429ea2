"""The forecast of the day after, its score, and the day-ahead baseline, over Druid's rollup."""
