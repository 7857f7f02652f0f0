"""A story told on a real repository: six agents, one main line; nothing outside `demo` may need it."""
