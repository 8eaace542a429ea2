"""Simulates demand whose truth is known, for tests and for benchmarks."""
