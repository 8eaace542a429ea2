"""Simulates demand and fleets whose truth is known: the inputs that tests and benchmarks share."""
