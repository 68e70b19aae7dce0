"""Shoppers who look around, search, fill a cart, and sometimes buy."""

import random
import re

from locust import HttpUser, TaskSet, between, task

CATEGORIES = ["bath", "bedroom", "books", "garden", "kitchen", "office", "sport", "tools", "toys", "travel"]
SEARCHES = [
    "oak bench",
    "steel",
    "blue lamp",
    "Kestrel",
    "copper kettle",
    "wool blanket",
    "gift",
    "folding chair",
]


class Shopping(TaskSet):
    def on_start(self):
        self.cart_is_empty = True
        self.items = ["1"]  # until a page has shown others
        self.items = self.items_on(self.client.get("/"))

    @task(4)
    def browse(self):
        category, page = random.choice(CATEGORIES), random.randint(1, 4)
        self.items = self.items_on(
            self.client.get(f"/category/{category}?page={page}", name="/category/[name]")
        )

    @task(3)
    def search(self):
        words = random.choice(SEARCHES)
        with self.client.get("/search", params={"q": words}, name="/search", catch_response=True) as response:
            self.items = self.items_on(response)
            answered = f"<h1>{words}</h1>" in response.text and "<p>0 products" not in response.text
            if response.status_code == 200 and not answered:
                response.failure(f"wrong answer to {words!r}")

    @task(6)
    def view_item(self):
        self.client.get(f"/item/{random.choice(self.items)}", name="/item/[id]")

    @task(1)
    def go_back(self):
        self.client.get("/back")

    @task(2)
    def add_to_cart(self):
        self.client.post("/cart", data={"item": random.choice(self.items), "quantity": 1}, name="/cart (add)")
        self.cart_is_empty = False

    @task(1)
    def view_cart(self):
        self.client.get("/cart")

    @task(1)
    def check_out(self):
        if self.cart_is_empty:
            self.add_to_cart()
        with self.client.post("/checkout", catch_response=True) as response:
            if response.status_code == 200 and "Thank you" not in response.text:
                response.failure("no order was made")
        self.cart_is_empty = True

    def items_on(self, response):
        return re.findall(r'href="/item/(\d+)"', response.text) or self.items


class Shopper(HttpUser):
    tasks = [Shopping]  # noqa: RUF012 - how Locust has them written
    wait_time = between(1, 4)
