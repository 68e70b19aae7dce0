"""Serve a page on 127.0.0.1 that shows a campaign while it runs, from its folder, which is only read."""

from harness.watch.server import LivePage, serve_page
from harness.watch.state import StateReader

__all__ = ["LivePage", "StateReader", "serve_page"]
