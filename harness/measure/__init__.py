"""Measure: the only package that touches the outside, which is Docker, Locust and the machine's counters."""
