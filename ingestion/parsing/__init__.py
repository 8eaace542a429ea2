"""Parses a file's bytes into columns of good readings in the order of time, for every feed."""
