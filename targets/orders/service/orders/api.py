"""The HTTP side: who asks, what they may, and in which words they are answered."""

from flask import Flask, abort, jsonify, request
from flask.typing import ResponseReturnValue

from orders.ledger import Ledger, OutOfStock, Unknown
from orders.sessions import Sessions

LINES_AT_MOST = 20


def create_app(ledger: Ledger, sessions: Sessions) -> Flask:
    app = Flask("orders")

    def customer() -> int:
        found = sessions.customer(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if found is None:
            abort(401)
        return found

    @app.get("/healthz")
    def health() -> ResponseReturnValue:
        ledger.ping()
        sessions.ping()
        return jsonify(ok=True)

    @app.post("/login")
    def log_in() -> ResponseReturnValue:
        given = request.get_json()
        found = ledger.customer(str(given["name"]), str(given["password"]))
        if found is None:
            abort(401)
        return jsonify(token=sessions.begin(found), customer=found)

    @app.get("/products")
    def products() -> ResponseReturnValue:
        category = request.args.get("category", "")
        return jsonify(sessions.remembered(f"products:{category}", lambda: ledger.products(category)))

    @app.post("/orders")
    def place_order() -> ResponseReturnValue:
        lines = [(int(line["product"]), int(line["quantity"])) for line in request.get_json()["lines"]]
        if not 0 < len(lines) <= LINES_AT_MOST or any(quantity < 1 for _, quantity in lines):
            abort(400)
        try:
            return jsonify(ledger.place(customer(), lines)), 201
        except OutOfStock as error:
            return jsonify(out_of_stock=error.product), 409
        except Unknown:
            abort(404)

    @app.get("/orders/<int:number>")
    def order(number: int) -> ResponseReturnValue:
        found = ledger.order(customer(), number)
        return jsonify(found) if found else abort(404)

    @app.post("/orders/<int:number>/pay")
    def pay(number: int) -> ResponseReturnValue:
        return jsonify(paid=True) if ledger.pay(customer(), number) else abort(409)

    @app.get("/orders")
    def orders() -> ResponseReturnValue:
        return jsonify(ledger.latest(customer()))

    @app.get("/report")
    def report() -> ResponseReturnValue:
        customer()
        return jsonify(ledger.best_sellers())

    return app
