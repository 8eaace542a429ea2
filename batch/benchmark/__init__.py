"""Benchmarks every baseline method on a data set's own days without an event."""
