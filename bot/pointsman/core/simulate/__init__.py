"""A lane on paper: made-up changes through the queue's own decisions, on a clock of its own."""
