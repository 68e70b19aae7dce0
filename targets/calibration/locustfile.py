"""Users who ask, think, and ask again. THINK_S is a number of seconds, or "1-4" for anything between.

With HEAVY=4 every fourth request, by chance, asks for four times the work.
"""

import os
import random

from locust import HttpUser, between, task

shortest_s, _, longest_s = os.environ.get("THINK_S", "1-4").partition("-")
heavy = int(os.environ.get("HEAVY", "0"))


class Asker(HttpUser):
    wait_time = between(float(shortest_s), float(longest_s or shortest_s))

    @task
    def ask(self):
        self.client.get(f"/{heavy}" if heavy and random.randrange(heavy) == 0 else "/")
