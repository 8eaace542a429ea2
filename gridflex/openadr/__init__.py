"""Gridflex as a VEN of somebody else's VTN, and reports on events beside our own measurements."""
