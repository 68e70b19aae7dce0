"""Customers, products and orders in PostgreSQL, every change in a transaction of its own."""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg2.extras import execute_values
from psycopg2.pool import ThreadedConnectionPool

ROUNDS = 2000
LATEST = 10


class OutOfStock(Exception):
    def __init__(self, product: int) -> None:
        super().__init__(str(product))
        self.product = product


class Unknown(Exception):
    """No such product."""


def digest(password: str, salt: str) -> str:
    """As the seed has it: `encode(...)` there and this must agree."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), ROUNDS).hex()


class Ledger:
    def __init__(self, database: str, connections: int) -> None:
        self._pool = ThreadedConnectionPool(1, connections, database)

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        """A transaction: committed on leaving, rolled back where something was raised."""
        connection = self._pool.getconn()
        try:
            with connection, connection.cursor() as cursor:
                yield cursor
        finally:
            self._pool.putconn(connection)

    def ping(self) -> None:
        with self._cursor() as cursor:
            cursor.execute("SELECT 1")

    def customer(self, name: str, password: str) -> int | None:
        with self._cursor() as cursor:
            cursor.execute("SELECT id, salt, digest FROM customers WHERE name = %s", (name,))
            found = cursor.fetchone()
        if found is None or not hmac.compare_digest(digest(password, found[1]), found[2]):
            return None
        return int(found[0])

    def products(self, category: str) -> list[dict[str, Any]]:
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT id, name, price_cents FROM products"
                " WHERE category = %s OR %s = '' ORDER BY name LIMIT 50",
                (category, category),
            )
            return [{"product": row[0], "name": row[1], "price_cents": row[2]} for row in cursor.fetchall()]

    def place(self, customer: int, lines: Sequence[tuple[int, int]]) -> dict[str, Any]:
        """Take from the stock, product by product in one order for all (no deadlocks), and write it down."""
        total, priced = 0, []
        with self._cursor() as cursor:
            for product, quantity in sorted(lines):
                cursor.execute(
                    "UPDATE products SET stock = stock - %s WHERE id = %s AND stock >= %s"
                    " RETURNING price_cents",
                    (quantity, product, quantity),
                )
                taken = cursor.fetchone()
                if taken is None:
                    cursor.execute("SELECT 1 FROM products WHERE id = %s", (product,))
                    raise OutOfStock(product) if cursor.fetchone() else Unknown
                total += taken[0] * quantity
                priced.append((product, quantity, taken[0]))
            cursor.execute(
                "INSERT INTO orders (customer, total_cents) VALUES (%s, %s) RETURNING id", (customer, total)
            )
            number = cursor.fetchone()[0]
            execute_values(
                cursor,
                "INSERT INTO lines (ordered, product, quantity, price_cents) VALUES %s",
                [(number, *line) for line in priced],
            )
        return {"order": number, "total_cents": total}

    def order(self, customer: int, number: int) -> dict[str, Any] | None:
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT total_cents, paid FROM orders WHERE id = %s AND customer = %s", (number, customer)
            )
            head = cursor.fetchone()
            if head is None:
                return None
            cursor.execute(
                "SELECT product, name, quantity, lines.price_cents FROM lines"
                " JOIN products ON products.id = product WHERE ordered = %s ORDER BY product",
                (number,),
            )
            lines = [
                {"product": row[0], "name": row[1], "quantity": row[2], "price_cents": row[3]}
                for row in cursor.fetchall()
            ]
        return {"order": number, "total_cents": head[0], "paid": head[1], "lines": lines}

    def pay(self, customer: int, number: int) -> bool:
        with self._cursor() as cursor:
            cursor.execute(
                "UPDATE orders SET paid = true WHERE id = %s AND customer = %s AND NOT paid",
                (number, customer),
            )
            return bool(cursor.rowcount == 1)

    def latest(self, customer: int) -> list[dict[str, Any]]:
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT id, total_cents, paid FROM orders WHERE customer = %s ORDER BY id DESC LIMIT %s",
                (customer, LATEST),
            )
            return [{"order": row[0], "total_cents": row[1], "paid": row[2]} for row in cursor.fetchall()]

    def best_sellers(self) -> list[dict[str, Any]]:
        """Over all that was ever ordered: the work is the database's."""
        with self._cursor() as cursor:
            cursor.execute(
                "SELECT category, sum(quantity), sum(quantity * lines.price_cents) FROM lines"
                " JOIN products ON products.id = product GROUP BY category ORDER BY 3 DESC"
            )
            return [
                {"category": row[0], "sold": int(row[1]), "cents": int(row[2])} for row in cursor.fetchall()
            ]
