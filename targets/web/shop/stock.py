"""Stocks the shop: the same catalogue from the same seed, built into the image."""

import random
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

PRODUCTS = 4000
ORDERS = 12000
SEED = 20

SCHEMA = Path(__file__).with_name("schema.sql")

CATEGORIES = {
    "kitchen": ("Kitchen", "kettle pan knife teapot grater mug ladle bowl whisk jug"),
    "garden": ("Garden", "spade trowel hose planter rake lantern bench trellis barrow shears"),
    "office": ("Office", "notebook stapler pen folder lamp chair tray calendar desk clip"),
    "bath": ("Bath", "towel soap mirror basket robe brush stool mat shelf hook"),
    "bedroom": ("Bedroom", "pillow blanket quilt lamp clock dresser hanger sheet rug chest"),
    "travel": ("Travel", "rucksack flask suitcase umbrella pouch blanket torch map wallet tag"),
    "sport": ("Sport", "racket ball mat rope glove bottle helmet saddle skate whistle"),
    "toys": ("Toys", "puzzle kite drum train doll marble yo-yo castle robot cart"),
    "books": ("Books", "atlas cookbook novel almanac diary album primer reader guide anthology"),
    "tools": ("Tools", "hammer wrench drill saw level vice plane chisel ladder toolbox"),
}
MATERIALS = (
    "oak steel linen copper wool glass bamboo leather cotton enamel birch clay slate cork brass".split()
)
COLOURS = "amber blue charcoal cream forest grey indigo ivory moss olive red sand teal white".split()
MANNERS = "folding classic compact large small everyday lightweight sturdy travel stackable".split()
MAKERS = "Alder Birk Calloway Dunmore Elster Fenwick Garrow Holm Ingram Jasper Kestrel Linden".split()
TRADES = ["& Sons", "Works", "Supply", "Studio"]
AUTHORS = "Ada Bea Carl Dina Emil Fay Gus Hana Ivo June Kai Lena Max Nora Otto Pia Rosa Sam Tess Vera".split()
PRAISE = (
    "Does what it says|Better than the one it replaced|Arrived well packed|Would buy again"
    "|Smaller than I thought|A present, and it was loved|The finish is lovely"
    "|Had it for a year now and it still looks new"
    "|Took a while to arrive|Good value|The colour is darker than in the picture|My neighbours want one too"
).split("|")
CLAIMS = (
    "made by hand in small batches|easy to clean and slow to wear|tested in our own workshop for a year"
    "|comes flat in a recycled box|a gift that lasts|designed to be repaired, with spare parts in stock"
    "|finished with natural oil|light enough to carry all day|fits where others do not"
    "|made from what other workshops leave over|matches the rest of the series|guaranteed for ten years"
).split("|")


def stock(database: Path, products: int = PRODUCTS, orders: int = ORDERS, seed: int = SEED) -> None:
    """Write the catalogue to a new database file."""
    dice = random.Random(seed)
    connection = sqlite3.connect(database)
    with connection:
        connection.executescript(SCHEMA.read_text())
        connection.executemany(
            "INSERT INTO category VALUES (?, ?)", [(slug, title) for slug, (title, _) in CATEGORIES.items()]
        )
        connection.executemany("INSERT INTO product VALUES (?, ?, ?, ?, ?, ?, ?)", _products(dice, products))
        connection.executemany("INSERT INTO review VALUES (?, ?, ?, ?)", _reviews(dice, products))
        connection.executemany("INSERT INTO order_line VALUES (?, ?)", _order_lines(dice, products, orders))
        connection.execute("INSERT INTO product_text (product_text) VALUES ('rebuild')")
    connection.execute("ANALYZE")
    connection.execute("VACUUM")
    connection.close()


def _products(dice: random.Random, count: int) -> Iterator[tuple[int, str, str, str, str, int, int]]:
    for product_id in range(1, count + 1):
        category = dice.choice(list(CATEGORIES))
        thing = dice.choice(CATEGORIES[category][1].split())
        material, colour = dice.choice(MATERIALS), dice.choice(COLOURS)
        name = f"{dice.choice(MANNERS)} {material} {thing}, {colour}".capitalize()
        brand = f"{dice.choice(MAKERS)} {dice.choice(TRADES)}"
        yield (
            product_id,
            category,
            brand,
            name,
            _description(dice, thing, material, brand),
            dice.randrange(295, 24995, 50),
            dice.randrange(0, 60),
        )


def _description(dice: random.Random, thing: str, material: str, brand: str) -> str:
    opening = f"A {thing} in {material} from {brand}."
    return " ".join([opening, *(f"{claim.capitalize()}." for claim in dice.sample(CLAIMS, 5))])


def _reviews(dice: random.Random, products: int) -> Iterator[tuple[int, str, int, str]]:
    for product_id in range(1, products + 1):
        for _ in range(dice.randrange(0, 12)):
            body = ". ".join(dice.sample(PRAISE, 3)) + "."
            yield product_id, dice.choice(AUTHORS), dice.choice((2, 3, 4, 4, 5, 5)), body


def _order_lines(dice: random.Random, products: int, orders: int) -> Iterator[tuple[int, int]]:
    """Past orders; a few products sell much more than the rest."""
    for order_id in range(1, orders + 1):
        for _ in range(dice.randrange(1, 6)):
            yield order_id, 1 + int(products * dice.random() ** 2)


if __name__ == "__main__":
    stock(Path(sys.argv[1]))
