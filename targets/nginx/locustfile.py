"""Readers who open a page with its pictures, and stay on it for a moment."""

import random

from locust import FastHttpUser, between, task


class Reader(FastHttpUser):
    wait_time = between(1, 3)
    default_headers = {"Accept-Encoding": "gzip"}  # noqa: RUF012 - how Locust has them written

    @task
    def read(self):
        self.client.get(f"/page-{random.randint(1, 200)}.html", name="/page-[n].html")
        for picture in random.sample(range(1, 41), 3):
            self.client.get(f"/picture-{picture}.bin", name="/picture-[n].bin")
