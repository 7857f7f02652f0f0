"""The app's HTTP side: it takes webhooks into the inbox and shows the figures; it works none of them."""

from pointsman.web.logs import log_to
from pointsman.web.running import serve
from pointsman.web.server import make_app

__all__ = ["log_to", "make_app", "serve"]
