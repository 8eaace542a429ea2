"""The launcher: the real servers on one machine, which ``gridflex up`` starts and watches and ``down`` ends."""
