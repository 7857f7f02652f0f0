"""One module a command, each with `run`."""
