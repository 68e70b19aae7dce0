"""Hypothesis as every test needs it."""

from hypothesis import settings

# A shared machine may stall for longer than any deadline that would mean something.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
