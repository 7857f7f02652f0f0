"""GitHub: its API through PyGithub, its git over HTTPS. Nothing here decides, and no type of PyGithub leaves.

Import the modules, not this package: loading PyGithub takes a while, and most commands never need it.
"""
