"""Run Locust in processes of its own, and collect what it reports."""
