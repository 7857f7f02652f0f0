"""The command line: one command a file, loaded only when it is called."""
