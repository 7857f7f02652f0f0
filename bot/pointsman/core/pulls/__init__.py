"""Pull requests: their facts, their events and commands, their checks, and what is said on them."""
