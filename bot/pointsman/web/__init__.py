"""The app's HTTP side: it takes webhooks into the inbox and shows the figures; it works none of them."""

from pointsman.web.server import make_app, serve

__all__ = ["make_app", "serve"]
