"""Judge facts: windows, verdicts, search, capacity, limiting factor, sizing. No I/O, no clock, no Docker.

docs/method.md describes the method with its sources and numbers.
"""
