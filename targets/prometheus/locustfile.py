"""Dashboards that ask Prometheus about itself."""

import time

from locust import HttpUser, between, task

INSTANT = [
    "up",
    "sum(rate(prometheus_http_requests_total[30s])) by (handler)",
    "process_resident_memory_bytes",
]
RANGES = [
    "rate(process_cpu_seconds_total[10s])",
    "histogram_quantile(0.95, rate(prometheus_http_request_duration_seconds_bucket[30s]))",
]


class Dashboard(HttpUser):
    wait_time = between(1, 4)

    @task(3)
    def now(self):
        for query in INSTANT:
            with self.client.get(
                "/api/v1/query", params={"query": query}, name="/api/v1/query", catch_response=True
            ) as answer:
                if answer.ok and answer.json()["status"] != "success":
                    answer.failure("no success")

    @task(2)
    def lately(self):
        end = time.time()
        for query in RANGES:
            params = {"query": query, "start": end - 60, "end": end, "step": "1s"}
            self.client.get("/api/v1/query_range", params=params, name="/api/v1/query_range")

    @task(1)
    def scraped(self):
        self.client.get("/metrics")
