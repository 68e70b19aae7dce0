"""Render tables, CSV, Markdown, JSON and JUnit XML."""
