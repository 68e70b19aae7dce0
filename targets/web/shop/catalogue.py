"""Questions to the catalogue, each a query on a read-only SQLite file."""

import re
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

PAGE_ITEMS = 40
ROW_ITEMS = 8

CARD = """
    SELECT product.id, product.name, product.brand, product.category, product.price_cents, product.stock,
           avg(review.stars) AS stars, count(review.stars) AS reviews
    FROM product LEFT JOIN review ON review.product_id = product.id
"""


class Card(NamedTuple):
    """What a listing shows of a product; `stars` is None before the first review."""

    id: int
    name: str
    brand: str
    category: str
    price_cents: int
    stock: int
    stars: float | None
    reviews: int


class Review(NamedTuple):
    author: str
    stars: int
    body: str


class Listing(NamedTuple):
    """One page of products out of `total`, and how all of them divide into groups."""

    cards: list[Card]
    total: int
    groups: list[tuple[str, int]]


class Catalogue:
    """Read-only; every thread that asks gets a connection of its own."""

    def __init__(self, database: Path) -> None:
        self._uri = f"{database.absolute().as_uri()}?mode=ro&immutable=1"
        self._mine = threading.local()
        self.categories: dict[str, str] = dict(self._rows("SELECT slug, title FROM category ORDER BY title"))

    def close(self) -> None:
        """Close the connection of the thread that asks."""
        self._connection().close()
        del self._mine.connection

    def best_sellers(self) -> list[Card]:
        return self._ranked(
            """SELECT product_id, -count(*) AS place FROM order_line
               GROUP BY product_id ORDER BY place, product_id LIMIT ?""",
            PAGE_ITEMS,
        )

    def category(self, slug: str, page: int) -> Listing:
        """A page of a category, the best rated first, grouped by brand; pages count from 1."""
        cards = self._cards(
            f"""{CARD} WHERE product.category = ?
                GROUP BY product.id ORDER BY stars DESC, product.id LIMIT ? OFFSET ?""",
            slug,
            PAGE_ITEMS,
            (page - 1) * PAGE_ITEMS,
        )
        groups = self._rows("SELECT brand, count(*) FROM product WHERE category = ? GROUP BY brand", slug)
        return Listing(cards, sum(count for _, count in groups), groups)

    def search(self, words: str) -> Listing:
        """The best matches of any of the words, and how many matches each category has."""
        match = _any_of(words)
        if not match:
            return Listing([], 0, [])
        cards = self._best_matches(match, PAGE_ITEMS)
        groups = self._rows(
            """SELECT category, count(*) FROM product_text JOIN product ON product.id = product_text.rowid
               WHERE product_text MATCH ? GROUP BY category""",
            match,
        )
        return Listing(cards, sum(count for _, count in groups), groups)

    def card(self, product_id: int) -> Card | None:
        return next(iter(self.cards([product_id])), None)

    def cards(self, product_ids: Sequence[int]) -> list[Card]:
        """In the order asked for; products that don't exist are left out."""
        marks = ", ".join("?" * len(product_ids))
        found = self._cards(f"{CARD} WHERE product.id IN ({marks}) GROUP BY product.id", *product_ids)
        return sorted(found, key=lambda card: product_ids.index(card.id))

    def description(self, product_id: int) -> str:
        rows = self._rows("SELECT description FROM product WHERE id = ?", product_id)
        return str(rows[0][0])

    def reviews(self, product_id: int) -> list[Review]:
        rows = self._rows("SELECT author, stars, body FROM review WHERE product_id = ?", product_id)
        return [Review(*row) for row in rows]

    def similar(self, card: Card) -> list[Card]:
        """The products whose texts are nearest to this one's name."""
        near = self._best_matches(_any_of(card.name), ROW_ITEMS + 1)
        return [other for other in near if other.id != card.id][:ROW_ITEMS]

    def bought_with(self, product_ids: Sequence[int]) -> list[Card]:
        """What past orders with any of these products contained besides them, most often first."""
        marks = ", ".join("?" * len(product_ids))
        return self._ranked(
            f"""SELECT other.product_id, -count(*) AS place
                FROM order_line AS this JOIN order_line AS other USING (order_id)
                WHERE this.product_id IN ({marks}) AND other.product_id NOT IN ({marks})
                GROUP BY other.product_id ORDER BY place, other.product_id LIMIT ?""",
            *product_ids,
            *product_ids,
            ROW_ITEMS,
        )

    def _best_matches(self, match: str, count: int) -> list[Card]:
        return self._ranked(
            """SELECT rowid AS product_id, rank AS place FROM product_text
               WHERE product_text MATCH ? ORDER BY rank LIMIT ?""",
            match,
            count,
        )

    def _ranked(self, ranking: str, *values: str | int) -> list[Card]:
        """The products of a query for `product_id` and `place`, the lowest place first."""
        return self._cards(
            f"""{CARD} JOIN ({ranking}) AS ranked ON ranked.product_id = product.id
                GROUP BY product.id ORDER BY ranked.place, product.id""",
            *values,
        )

    def _cards(self, query: str, *values: str | int) -> list[Card]:
        return [Card(*row) for row in self._rows(query, *values)]

    def _rows(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        return self._connection().execute(query, values).fetchall()

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._mine, "connection"):
            self._mine.connection = sqlite3.connect(self._uri, uri=True)
        connection: sqlite3.Connection = self._mine.connection
        return connection


def _any_of(words: str) -> str:
    """The full-text query for any of the words, which are quoted: they are a visitor's, not a query."""
    return " OR ".join(f'"{word}"' for word in re.findall(r"\w+", words))
