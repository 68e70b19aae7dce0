"""Read this machine's counters, and share out its cores."""
