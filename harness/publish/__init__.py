"""Publish a text as a comment on a change, at the host of its code."""

from harness.publish.comments import build_comment, choose_host, publish_comment

__all__ = ["build_comment", "choose_host", "publish_comment"]
