"""Derive a campaign's answers from its judged steps."""
