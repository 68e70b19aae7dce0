"""The shop's pages: requests in, HTML out."""

import itertools
import time
from collections.abc import Mapping

from flask import Flask, Response, abort, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from .catalogue import Card, Catalogue
from .visits import Visit, Visits

COOKIE = "visit"
QUANTITY_LIMIT = 20


def create_app(catalogue: Catalogue) -> Flask:
    app = Flask(__name__)
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.jinja_env.filters.update(price=price, stars=stars)
    Shop(catalogue, Visits()).add_routes(app)
    return app


def price(cents: int) -> str:
    return f"€ {cents // 100:,}.{cents % 100:02}"


def stars(mean: float | None) -> str:
    if mean is None:
        return "not rated yet"
    full = round(mean)
    return "★" * full + "☆" * (5 - full)


class Shop:
    """The views, over one catalogue and the visits of this process."""

    def __init__(self, catalogue: Catalogue, visits: Visits) -> None:
        self._catalogue = catalogue
        self._visits = visits
        self._order_numbers = itertools.count(1)

    def add_routes(self, app: Flask) -> None:
        app.add_url_rule("/healthz", view_func=self.healthz)
        app.add_url_rule("/", view_func=self.front)
        app.add_url_rule("/category/<slug>", view_func=self.category)
        app.add_url_rule("/search", view_func=self.search)
        app.add_url_rule("/item/<int:product_id>", view_func=self.item)
        app.add_url_rule("/back", view_func=self.back)
        app.add_url_rule("/cart", view_func=self.cart)
        app.add_url_rule("/cart", view_func=self.add_to_cart, methods=["POST"])
        app.add_url_rule("/checkout", view_func=self.check_out, methods=["POST"])
        app.after_request(_keep_cookie)

    def healthz(self) -> Response:
        """Ready when the catalogue answers; begins no visit."""
        if self._catalogue.card(1) is None:
            abort(503)
        return Response("ok\n", mimetype="text/plain")

    def front(self) -> Response:
        return self._show("front.html", cards=self._catalogue.best_sellers())

    def category(self, slug: str) -> Response:
        if slug not in self._catalogue.categories:
            abort(404)
        page = max(1, request.args.get("page", 1, type=int))
        return self._show("category.html", slug=slug, page=page, listing=self._catalogue.category(slug, page))

    def search(self) -> Response:
        words = request.args.get("q", "")
        return self._show("search.html", words=words, listing=self._catalogue.search(words))

    def item(self, product_id: int) -> Response:
        card = self._card_or_404(product_id)
        response = self._show(
            "item.html",
            card=card,
            description=self._catalogue.description(product_id),
            reviews=self._catalogue.reviews(product_id),
            similar=self._catalogue.similar(card),
            bought_with=self._catalogue.bought_with([product_id]),
        )
        self._visit().saw(product_id)
        return response

    def back(self) -> AnyResponse:
        page = self._visit().step_back()
        return redirect(url_for("front")) if page is None else Response(page)

    def cart(self) -> Response:
        return self._show("cart.html", **self._bill(self._visit().cart))

    def add_to_cart(self) -> AnyResponse:
        card = self._card_or_404(request.form.get("item", 0, type=int))
        quantity = request.form.get("quantity", 1, type=int)
        if not 1 <= quantity <= QUANTITY_LIMIT:
            abort(400, f"A quantity is between 1 and {QUANTITY_LIMIT}.")
        if not self._visit().add(card.id, quantity):
            abort(409, "The cart is full.")
        return redirect(url_for("cart"), 303)

    def check_out(self) -> AnyResponse:
        bought = self._visit().empty_cart()
        if not bought:
            return redirect(url_for("cart"), 303)
        return self._show("thanks.html", number=next(self._order_numbers), **self._bill(bought))

    def _show(self, template: str, **values: object) -> Response:
        """Render a page with what every page has, and remember it in the visitor's trail."""
        visit = self._visit()
        html = render_template(
            template,
            categories=self._catalogue.categories,
            cart_items=sum(visit.cart.values()),
            recent=self._catalogue.cards(visit.recent),
            picks=self._catalogue.bought_with(list(visit.recent)[:1]),
            **values,
        ).encode()
        visit.shown(html)
        return Response(html)

    def _bill(self, cart: Mapping[int, int]) -> dict[str, object]:
        lines = [(card, cart[card.id]) for card in self._catalogue.cards(list(cart))]
        total_cents = sum(card.price_cents * quantity for card, quantity in lines)
        return {"lines": lines, "total_cents": total_cents}

    def _card_or_404(self, product_id: int) -> Card:
        card = self._catalogue.card(product_id)
        if card is None:
            abort(404)
        return card

    def _visit(self) -> Visit:
        if "visit" not in g:
            g.visit = self._visits.find_or_begin(request.cookies.get(COOKIE), time.monotonic())
        visit: Visit = g.visit
        return visit


def _keep_cookie(response: Response) -> Response:
    if "visit" in g and request.cookies.get(COOKIE) != g.visit.token:
        response.set_cookie(COOKIE, g.visit.token, httponly=True, samesite="Lax")
    return response
