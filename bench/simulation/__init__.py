"""Closed users against a quota-limited target, simulated event by event behind the harness's own protocols.

The real code (`container_life`, `judge`, `next_step`) runs on it unchanged, in milliseconds a step. It
compares strategies and checks rules; it promises nothing about any real target.
"""
