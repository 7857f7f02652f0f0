"""`python -m tests.github.demo`: the real app at work on a GitHub on loopback, watched in the terminal."""
