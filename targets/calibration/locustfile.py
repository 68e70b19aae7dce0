"""Users who ask, think, and ask again. THINK_S is a number of seconds, or "1-4" for anything between."""

import os

from locust import HttpUser, between, task

shortest_s, _, longest_s = os.environ.get("THINK_S", "1-4").partition("-")


class Asker(HttpUser):
    wait_time = between(float(shortest_s), float(longest_s or shortest_s))

    @task
    def ask(self):
        self.client.get("/")
