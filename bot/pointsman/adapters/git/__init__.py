"""git as the store of objects and refs; it decides nothing."""
