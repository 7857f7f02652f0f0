"""Scripts that run a change's code in a process of their own; stdlib only, and nothing of the rest of us."""
