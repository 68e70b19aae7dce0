"""Pure judgement over facts: windows, verdicts, search, capacity, limiting factor, sizing.

No I/O, no clock, no Docker.
"""
