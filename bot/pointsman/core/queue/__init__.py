"""The queue as data and decisions: what stands in line, what is being tested, what happens next."""
