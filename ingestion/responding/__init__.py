"""Simulates houses that respond: what a replay's appliances do when they are called, and what they would have done
otherwise.
"""
