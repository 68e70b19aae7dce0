"""Start Locust in separate processes, and collect the facts that it reports."""
