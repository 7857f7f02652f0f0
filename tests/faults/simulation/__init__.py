"""Whole lanes through random histories of work and faults, the same for the same seed."""
