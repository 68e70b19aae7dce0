"""The bundled shop, without its container: what it sells, whom it remembers, what its pages say."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from targets.web.shop.catalogue import PAGE_ITEMS, Catalogue
from targets.web.shop.pages import create_app, price, stars
from targets.web.shop.stock import stock
from targets.web.shop.visits import CART_LINES, RECENT_ITEMS, TRAIL_PAGES, Visit, Visits


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "catalogue.db"
    stock(path, products=600, orders=900)
    return path


@pytest.fixture
def catalogue(database: Path) -> Iterator[Catalogue]:
    catalogue = Catalogue(database)
    yield catalogue
    catalogue.close()


@pytest.fixture
def visitor(catalogue: Catalogue) -> FlaskClient:
    return create_app(catalogue).test_client()


def test_the_same_seed_stocks_the_same_catalogue(database: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.db"
    stock(again, products=600, orders=900)
    assert again.read_bytes() == database.read_bytes()


def test_another_seed_stocks_another_catalogue(database: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    stock(other, products=600, orders=900, seed=21)
    assert other.read_bytes() != database.read_bytes()


def test_the_pages_of_a_category_hold_each_of_its_products_once(catalogue: Catalogue) -> None:
    first = catalogue.category("garden", 1)
    pages = [catalogue.category("garden", page).cards for page in range(1, first.total // PAGE_ITEMS + 2)]
    ids = [card.id for cards in pages for card in cards]
    assert len(ids) == len(set(ids)) == first.total == sum(count for _, count in first.groups)


def test_a_page_after_the_last_is_empty(catalogue: Catalogue) -> None:
    assert catalogue.category("garden", 999).cards == []


def test_a_search_finds_products_with_any_of_the_words(catalogue: Catalogue) -> None:
    oak, bench = catalogue.search("oak").total, catalogue.search("bench").total
    assert max(oak, bench) < catalogue.search("oak bench").total <= oak + bench


def test_a_search_counts_its_matches_by_category(catalogue: Catalogue) -> None:
    listing = catalogue.search("steel")
    assert 0 < len(listing.cards) <= listing.total == sum(count for _, count in listing.groups)


@pytest.mark.parametrize("words", ["", "  ", '"', "*", "--"])
def test_a_search_without_words_finds_nothing(catalogue: Catalogue, words: str) -> None:
    assert catalogue.search(words).total == 0


@pytest.mark.parametrize("words", ['oak" OR "', "NEAR(oak", "name:oak", "oak*", "NOT"])
def test_query_syntax_in_a_search_is_only_words(catalogue: Catalogue, words: str) -> None:
    assert len(catalogue.search(words).cards) <= PAGE_ITEMS


def test_the_best_sellers_come_in_the_order_of_their_sales(catalogue: Catalogue, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        sales = Counter(row[0] for row in connection.execute("SELECT product_id FROM order_line"))
    shown = [sales[card.id] for card in catalogue.best_sellers()]
    assert shown == sorted(sales.values(), reverse=True)[:PAGE_ITEMS]


def test_what_was_bought_with_a_product_never_contains_it(catalogue: Catalogue) -> None:
    for product_id in range(1, 40):
        assert product_id not in [card.id for card in catalogue.bought_with([product_id])]


def test_cards_come_in_the_order_asked_for_without_the_unknown(catalogue: Catalogue) -> None:
    assert [card.id for card in catalogue.cards([7, 9999, 3, 5])] == [7, 3, 5]


def test_a_token_leads_back_to_its_visit() -> None:
    visits = Visits()
    visit = visits.find_or_begin(None, now_s=0)
    assert visits.find_or_begin(visit.token, now_s=1) is visit


def test_an_unknown_token_begins_a_visit_under_another_one() -> None:
    assert Visits().find_or_begin("chosen-by-a-stranger", now_s=0).token != "chosen-by-a-stranger"


def test_only_visitors_idle_for_too_long_are_forgotten() -> None:
    visits = Visits(idle_limit_s=60)
    idle, busy = visits.find_or_begin(None, now_s=0), visits.find_or_begin(None, now_s=0)
    visits.find_or_begin(busy.token, now_s=50)
    assert visits.find_or_begin(busy.token, now_s=61) is busy
    assert visits.find_or_begin(idle.token, now_s=61) is not idle


def test_a_visitor_who_returns_too_late_begins_anew() -> None:
    visits = Visits(idle_limit_s=60)
    late = visits.find_or_begin(None, now_s=0)
    assert visits.find_or_begin(late.token, now_s=61) is not late
    assert len(visits) == 1


def test_a_visit_is_bounded_however_long_it_lasts() -> None:
    visit = Visit("token", used_at_s=0)
    for number in range(200):
        visit.add(number, 1)
        visit.saw(number)
        visit.shown(b"page")
    assert (len(visit.cart), len(visit.recent), len(visit.trail)) == (CART_LINES, RECENT_ITEMS, TRAIL_PAGES)


def test_a_full_cart_still_takes_more_of_what_it_holds() -> None:
    visit = Visit("token", used_at_s=0)
    assert all(visit.add(number, 1) for number in range(CART_LINES))
    assert not visit.add(CART_LINES, 1)
    assert visit.add(0, 1)


def test_stepping_back_ends_at_the_first_page() -> None:
    visit = Visit("token", used_at_s=0)
    visit.shown(b"first")
    visit.shown(b"second")
    assert visit.step_back() == b"first"
    assert visit.step_back() is None


def test_an_item_seen_again_comes_first_once() -> None:
    visit = Visit("token", used_at_s=0)
    for product_id in (1, 2, 1):
        visit.saw(product_id)
    assert list(visit.recent) == [1, 2]


def test_prices_and_stars_read_as_a_person_writes_them() -> None:
    assert price(123405) == "€ 1,234.05"
    assert (stars(None), stars(3.6)) == ("not rated yet", "★★★★☆")


def test_what_is_put_in_the_cart_is_what_is_bought(visitor: FlaskClient, catalogue: Catalogue) -> None:
    card = catalogue.cards([17])[0]
    cart = visitor.post("/cart", data={"item": 17, "quantity": 2}, follow_redirects=True)
    assert card.name in cart.text
    assert price(2 * card.price_cents) in cart.text
    thanks = visitor.post("/checkout")
    assert "Thank you" in thanks.text
    assert price(2 * card.price_cents) in thanks.text
    assert "Your cart is empty" in visitor.get("/cart").text


def test_checking_out_an_empty_cart_makes_no_order(visitor: FlaskClient) -> None:
    assert "Your cart is empty" in visitor.post("/checkout", follow_redirects=True).text


def test_a_visitor_never_sees_the_cart_of_another(visitor: FlaskClient) -> None:
    visitor.post("/cart", data={"item": 1})
    stranger = visitor.application.test_client()
    assert "Your cart is empty" in stranger.get("/cart").text


def test_back_shows_the_page_before(visitor: FlaskClient) -> None:
    front = visitor.get("/").data
    visitor.get("/item/3")
    assert visitor.get("/back").data == front
    assert visitor.get("/back").location == "/"


@pytest.mark.parametrize("words", ["oak bench", "Kestrel", "gift"])
def test_a_search_names_its_words_and_counts_its_finds(visitor: FlaskClient, words: str) -> None:
    page = visitor.get("/search", query_string={"q": words}).text
    assert f"<h1>{words}</h1>" in page
    assert "<p>0 products" not in page


def test_a_search_in_vain_says_so(visitor: FlaskClient) -> None:
    assert "<p>0 products match</p>" in visitor.get("/search?q=zeppelin").text


def test_a_search_is_shown_as_typed_and_never_as_markup(visitor: FlaskClient) -> None:
    assert "<script>" not in visitor.get("/search", query_string={"q": "<script>oak"}).text


@pytest.mark.parametrize("path", ["/item/99999", "/category/nowhere", "/nowhere"])
def test_a_page_that_does_not_exist_is_not_found(visitor: FlaskClient, path: str) -> None:
    assert visitor.get(path).status_code == 404


@pytest.mark.parametrize("quantity", [0, -1, 21])
def test_a_quantity_out_of_bounds_is_refused(visitor: FlaskClient, quantity: int) -> None:
    assert visitor.post("/cart", data={"item": 1, "quantity": quantity}).status_code == 400


def test_a_health_check_begins_no_visit(visitor: FlaskClient) -> None:
    answer = visitor.get("/healthz")
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (200, False)
