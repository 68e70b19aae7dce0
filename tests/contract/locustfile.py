"""A small scenario as a user would write it: two tasks and short think times."""

from locust import HttpUser, between, task


class Visitor(HttpUser):
    wait_time = between(0.1, 0.3)

    @task(2)
    def look(self) -> None:
        self.client.get("/")

    @task
    def search(self) -> None:
        self.client.get("/?q=tea", name="/?q=[term]")


class Robot(HttpUser):
    wait_time = between(0.1, 0.3)

    @task
    def crawl(self) -> None:
        self.client.get("/")
