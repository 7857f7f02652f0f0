"""Which of a launcher's tasks may start now, in which order, and who holds what; no I/O, no clock."""
