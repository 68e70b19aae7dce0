"""Customers who log in, look around, order, pay, and check that what they ordered is what they got."""

import random

from locust import HttpUser, between, task

CATEGORIES = ["books", "garden", "kitchen", "office", "sport", "tools", "toys", "travel"]


class Customer(HttpUser):
    wait_time = between(1, 4)

    def on_start(self):
        name = f"customer-{random.randint(1, 500)}"
        answer = self.client.post("/login", json={"name": name, "password": "secret"}).json()
        self.client.headers["Authorization"] = f"Bearer {answer['token']}"
        self.unpaid = []
        self.products = self.look_around()

    @task(5)
    def look(self):
        self.products = self.look_around() or self.products

    def look_around(self):
        answer = self.client.get(f"/products?category={random.choice(CATEGORIES)}", name="/products")
        return answer.json() if answer.ok else []

    @task(6)
    def order(self):
        chosen = random.sample(self.products, min(len(self.products), random.randint(1, 3)))
        lines = [{"product": one["product"], "quantity": random.randint(1, 3)} for one in chosen]
        prices = {one["product"]: one["price_cents"] for one in chosen}
        due = sum(prices[line["product"]] * line["quantity"] for line in lines)
        with self.client.post("/orders", json={"lines": lines}, catch_response=True) as answer:
            if answer.status_code != 201:
                return
            placed = answer.json()
            if placed["total_cents"] != due:
                answer.failure(f"a wrong total: {placed['total_cents']}, not {due}")
        self.unpaid.append((placed["order"], due))

    @task(4)
    def pay(self):
        if not self.unpaid:
            self.order()
        if self.unpaid:
            number, due = self.unpaid.pop()
            self.client.post(f"/orders/{number}/pay", name="/orders/[id]/pay")
            self.check(number, due)

    def check(self, number, due):
        with self.client.get(f"/orders/{number}", name="/orders/[id]", catch_response=True) as answer:
            if answer.status_code == 200:
                found = answer.json()
                total = sum(line["quantity"] * line["price_cents"] for line in found["lines"])
                if not (found["paid"] and found["total_cents"] == total == due):
                    answer.failure(f"not what was ordered: {found['total_cents']}, {total}, {due}")

    @task(2)
    def history(self):
        self.client.get("/orders")

    @task(1)
    def report(self):
        self.client.get("/report")
