"""The events service: the one place where events are planned, proposed, approved, dispatched and followed."""
