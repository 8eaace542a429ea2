"""Curtailment: what could be shed, asked of Druid."""
