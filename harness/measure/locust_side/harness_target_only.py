"""Refuse the locustfile's requests to any host but the target.

Locust loads this file after `harness_plugin.py`. It imports nothing of the harness, because a worker on
another host gets this file alone, from the master.
"""

from typing import Any
from urllib.parse import urlsplit

import gevent
import geventhttpclient
import locust
import requests
from geventhttpclient.client import HTTPClientPool
from locust.clients import HttpSession


class ForeignHostFastError(ConnectionError):
    """A request to another host than the target; FastHttpUser's client counts it as a failed request."""


class ForeignHostError(requests.ConnectionError):
    """A request to another host than the target; HttpUser's client counts it as a failed request."""


def refuse_foreign_hosts(environment: Any, **_: Any) -> None:
    """Make Locust's HTTP clients refuse all other hosts, also those that the target redirects to.

    The target's address is read at each request: a worker on another host gets it only with its first users.
    """

    address_by_url: dict[str | None, tuple[str | None, int | None]] = {}

    def check_address(host: str | None, port: int | None, error_class: type[Exception]) -> None:
        url = environment.host
        target = address_by_url.get(url)
        if target is None:
            parts = urlsplit(url or "")
            target = address_by_url[url] = (parts.hostname, parts.port)
        if (host, port) != target:
            gevent.sleep(0)  # as every request lets others go on; a user may ask again at once
            raise error_class(
                f"{host}:{port} is not the target; if it stands for it, set it as host or LOCUST_HOST"
            )

    def get_checked_adapter(self: Any, url: str) -> Any:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        check_address(parts.hostname, port, ForeignHostError)
        return get_adapter(self, url)

    def get_checked_client(self: Any, url: Any) -> Any:
        parts = geventhttpclient.URL(url) if isinstance(url, str) else url
        check_address(parts.host, parts.port, ForeignHostFastError)
        return get_client(self, url)

    get_adapter, get_client = HttpSession.get_adapter, HTTPClientPool.get_client
    HttpSession.get_adapter = get_checked_adapter  # type: ignore[method-assign]
    HTTPClientPool.get_client = get_checked_client  # type: ignore[method-assign]


locust.events.init.add_listener(refuse_foreign_hosts)  # type: ignore[no-untyped-call]
