"""From a file's bytes to columns of good readings in the order of time: what all feeds share."""
