"""`python3 -m orders` serves on port 8000; DATABASE, CACHE and THREADS come from the environment."""

import os

from waitress import serve

from orders.api import create_app
from orders.ledger import Ledger
from orders.sessions import Sessions


def main() -> None:
    threads = int(os.environ.get("THREADS", "8"))
    ledger = Ledger(os.environ.get("DATABASE", "host=database dbname=orders user=orders"), threads)
    sessions = Sessions(os.environ.get("CACHE", "redis://cache:6379/0"), threads)
    serve(create_app(ledger, sessions), host="0.0.0.0", port=8000, threads=threads, connection_limit=1000)


if __name__ == "__main__":
    main()
