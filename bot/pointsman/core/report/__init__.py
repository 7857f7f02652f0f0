"""What the fleet's work cost: records of the store -> figures -> text, CSV, JSON lines and a page; no I/O, no clock."""
