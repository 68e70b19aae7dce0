"""Serves the shop: `python3 -m shop catalogue.db`."""

import logging
import signal
import sys
from pathlib import Path

import waitress  # type: ignore[import-untyped]

from .catalogue import Catalogue
from .pages import create_app

PORT = 8000
THREADS = 4
CONNECTIONS = 1000
KEEP_ALIVE_S = 60


def main() -> None:
    # The first process of a container ignores every signal that it has no handler for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Under load waitress would log the length of its queue with every request.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    waitress.serve(
        create_app(Catalogue(Path(sys.argv[1]))),
        port=PORT,
        threads=THREADS,
        connection_limit=CONNECTIONS,
        channel_timeout=KEEP_ALIVE_S,
        asyncore_use_poll=True,
        ident=None,
    )


if __name__ == "__main__":
    main()
