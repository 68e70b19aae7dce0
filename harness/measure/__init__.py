"""The only room that touches the world: Docker, Locust and the machine's counters."""
