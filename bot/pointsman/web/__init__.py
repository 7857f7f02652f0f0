"""The app's HTTP side: it takes webhooks into the inbox and shows the figures; it works none of them.

Importing it loads nothing: naming `pointsman serve` must not need what only running it needs.
"""
