"""Generates synthetic data sets in the native layouts of the real ones, with their defects, and the ground truth."""
