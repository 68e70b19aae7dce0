"""Runs inside Locust beside `harness_plugin.py`: only the target is loaded, whatever the locustfile asks for.

It is stand-alone on purpose: a worker on another host gets it from the master.
"""

from typing import Any
from urllib.parse import urlsplit

import geventhttpclient
import locust
import requests
from geventhttpclient.client import HTTPClientPool
from locust.clients import HttpSession


class NotTheTarget(ConnectionError):
    """A request to somewhere else; FastHttpUser's client counts it as a failed request, with its words."""


class NotTheTargetEither(requests.ConnectionError):
    """The same for HttpUser's client."""


def keep_to_the_target(environment: Any, **_: Any) -> None:
    """No request of Locust's HTTP clients goes anywhere but to the target, not even by a redirect.

    A worker on another host is told only with its first users where that is.
    """

    known: dict[str | None, tuple[str | None, int | None]] = {}

    def refuse(host: str | None, port: int | None, kind: type[Exception]) -> None:
        allowed = known.get(environment.host)
        if allowed is None:
            target = urlsplit(environment.host or "")
            allowed = known[environment.host] = (target.hostname, target.port)
        if (host, port) != allowed:
            raise kind(f"refused: {host}:{port} is not the target, and only that is loaded")

    def adapter(self: Any, url: str) -> Any:
        asked = urlsplit(url)
        refuse(asked.hostname, asked.port or (443 if asked.scheme == "https" else 80), NotTheTargetEither)
        return get_adapter(self, url)

    def client(self: Any, url: Any) -> Any:
        asked = geventhttpclient.URL(url) if isinstance(url, str) else url
        refuse(asked.host, asked.port, NotTheTarget)
        return get_client(self, url)

    get_adapter, get_client = HttpSession.get_adapter, HTTPClientPool.get_client
    HttpSession.get_adapter = adapter  # type: ignore[method-assign]
    HTTPClientPool.get_client = client  # type: ignore[method-assign]


locust.events.init.add_listener(keep_to_the_target)  # type: ignore[no-untyped-call]
