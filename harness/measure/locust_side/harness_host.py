"""Keep the path of the scenario's host, such as `/api/v1` of `https://shop.example/api/v1`.

The harness replaces the host by the target's address. What follows it in the scenario's own host stands
before the path of every request, as under Locust alone. Locust loads this file after `harness_options.py`. It
imports nothing of the harness, because a worker on another host gets it alone, from the master.
"""

import functools
import os
import re
from collections.abc import Callable
from typing import Any

import locust
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.runners import WorkerRunner
from locust.user.users import User

HOST = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*(.*)", re.DOTALL)
ADDRESS = re.compile(r"https?://", re.IGNORECASE)

base_by_class: dict[type[Any], str] = {}
"""What follows the host in a user class's own host, for the classes that have such a path."""


def read_base(host: Any) -> str:
    """Return what follows the host's name and port; empty without a path, or if it is no host at all."""
    match = HOST.fullmatch(host) if isinstance(host, str) else None
    return match[1] if match else ""


def on_init(environment: Any, **_: Any) -> None:
    """Find the path that requests go below. A host in Locust's settings replaces those of the classes.

    A path that the harness was given is part of the target's address already.
    """
    environment.harness_bases = {}
    if read_base(environment.host):
        return
    variable = os.environ.get("LOCUST_HOST")
    given = variable or getattr(environment, "harness_configured_host", None)
    if given:
        base = read_base(given)
        if environment.host and not isinstance(environment.runner, WorkerRunner):
            environment.host += base
        note_base(environment, base, "LOCUST_HOST" if variable else "Locust's configuration file")
        return
    for user_class in environment.user_classes:
        if base := read_base(user_class.host):
            base_by_class[user_class] = base
            note_base(environment, base, user_class.__name__)


def note_base(environment: Any, base: str, source: str) -> None:
    if base.strip("/"):
        known = environment.harness_bases.get(base)
        environment.harness_bases[base] = f"{known} and {source}" if known else source


def add_base(init: Callable[..., None]) -> Callable[..., None]:
    """Wrap a user's `__init__`: Locust gives each class the target's address before it creates users."""

    @functools.wraps(init)
    def init_with_base(self: Any, environment: Any, *args: Any, **kwargs: Any) -> None:
        init(self, environment, *args, **kwargs)
        base = base_by_class.get(type(self))
        if base and environment.host and not read_base(environment.host):
            self.host = environment.host + base

    return init_with_base


def join_with_one_slash(build_url: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a client's `_build_url`, which puts the base before a path.

    A path without a leading slash worked for the scenario's user, whose host ended in one; the target's
    address ends in none.
    """

    @functools.wraps(build_url)
    def build_joined_url(self: Any, path: Any) -> Any:
        base = self.base_url or ""
        if path[:1] == "/":
            return build_url(self, path[1:] if base[-1:] == "/" else path)
        if path and path[:1] not in "?#" and base.count("/") == 2 and not ADDRESS.match(path):
            return build_url(self, f"/{path}")
        return build_url(self, path)

    return build_joined_url


def note_base_path(init: Callable[..., None]) -> Callable[..., None]:
    """Wrap the `__init__` of the client that names requests by their whole path, from the host on."""

    @functools.wraps(init)
    def init_and_note(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        self.base_path = read_base(self.base_url).rstrip("/")

    return init_and_note


User.__init__ = add_base(User.__init__)  # type: ignore[method-assign]
HttpSession.__init__ = note_base_path(HttpSession.__init__)  # type: ignore[method-assign]
HttpSession._build_url = join_with_one_slash(HttpSession._build_url)  # type: ignore[method-assign]
FastHttpSession._build_url = join_with_one_slash(FastHttpSession._build_url)  # type: ignore[method-assign]
locust.events.init.add_listener(on_init)  # type: ignore[no-untyped-call]
