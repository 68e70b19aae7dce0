"""Run targets in Docker containers, and count what they use."""
