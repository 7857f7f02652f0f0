"""The front inside GitHub Actions: one command a step, told by the environment; it judges nothing by itself."""
