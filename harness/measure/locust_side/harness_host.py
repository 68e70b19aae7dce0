"""Keep the path of the scenario's host, such as `/api/v1` of `https://shop.example/api/v1`.

The harness replaces the host by the target's address, also in whole addresses that begin with it, and where
the target redirects to it. What follows it in the scenario's own host stands before the path of every
request, as under Locust alone. A scheme that is not of HTTP stays, and a host without one (gRPC) gets none.
Locust loads this file after `harness_options.py`. It imports nothing of the harness, because a worker on
another host gets it alone, from the master.
"""

import functools
import os
import re
import sys
from collections.abc import Callable
from typing import Any, cast

import locust
from geventhttpclient.useragent import CompatRequest
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.runners import WorkerRunner
from locust.user.users import User
from requests import PreparedRequest, sessions

HOST = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(?:([^/?#@]*)@)?([^/?#]*)(.*)", re.DOTALL)
"""The scheme, the login, the name with its port, and what follows it."""

ADDRESS = re.compile(r"https?://", re.IGNORECASE)

PLAIN_SCHEMES = {"wss://": "ws://", "grpcs://": "grpc://", "mqtts://": "mqtt://", "rediss://": "redis://"}
"""Schemes without TLS, which ends before the target's own port."""

host_by_class: dict[type[Any], str] = {}
"""The user classes' own hosts, for the classes whose host has more than a name and a port."""

own_names: set[str] = set()
"""Names and ports of the scenario's own hosts, which the target's address replaces."""

merge_params: Any = sessions.merge_setting

environments: list[Any] = []
"""Locust's environment, once it has one."""


def read_base(host: Any) -> str:
    """Return what follows the host's name and port; empty without a path, or if it is no host at all."""
    match = HOST.fullmatch(host) if isinstance(host, str) else None
    return match[4] if match else ""


def replace_name(host: Any, target: str) -> str:
    """Return the target's address with the login of the scenario's host, and with what follows its name.

    A part that the target's address has already stays. The scheme is the target's for HTTP and HTTPS only.
    """
    own, address = HOST.fullmatch(host) if isinstance(host, str) else None, HOST.fullmatch(target)
    if own is None or address is None:
        return target
    login, own_scheme = address[2] or own[2], own[1].lower()
    is_http = own_scheme in ("http://", "https://")
    scheme = address[1] if is_http else PLAIN_SCHEMES.get(own_scheme, own_scheme)
    return f"{scheme}{login + '@' if login else ''}{address[3]}{address[4] or own[4]}"


def is_bare(host: Any) -> bool:
    """Return True for a host without a scheme: whoever asks it puts one before it, or needs none."""
    return isinstance(host, str) and bool(host) and "://" not in host


def add_scheme(host: str) -> str:
    return f"http://{host}" if is_bare(host) else host


def replace_host(host: Any, target: str) -> str:
    """Return the target's address in the form of a user class's own host."""
    address = HOST.fullmatch(target)
    if address is None or not is_bare(host):
        return replace_name(host, target)
    _, slash, path = host.partition("/")
    return f"{address[3]}{slash}{path}"


def on_init(environment: Any, **_: Any) -> None:
    """Find the path that requests go below. A host in Locust's settings replaces those of the classes.

    A path that the harness was given is part of the target's address already.
    """
    environments[:] = [environment]
    environment.harness_bases, environment.harness_hosts = {}, {}
    variable = os.environ.get("LOCUST_HOST")
    given = variable or getattr(environment, "harness_configured_host", None)
    for host in (given, *(user_class.host for user_class in environment.user_classes)):
        note_own_name(host)
    find_bases(environment, given, "LOCUST_HOST" if variable else "Locust's configuration file")
    if not given:
        environment.harness_hosts = find_different_hosts(environment.user_classes)
    keep_host(environment)


def find_different_hosts(user_classes: list[type[Any]]) -> dict[str, str]:
    """Return the name and port of each class's own host; nothing if they are all the same."""
    matches = {each.__name__: HOST.fullmatch(each.host or "") for each in user_classes}
    names = {kind: match[3] for kind, match in matches.items() if match and match[3]}
    return names if len(set(names.values())) > 1 else {}


def note_own_name(host: Any) -> None:
    match = HOST.fullmatch(add_scheme(host)) if isinstance(host, str) else None
    if match and match[3]:
        own_names.add(match[3].lower())


def find_bases(environment: Any, given: str | None, source: str) -> None:
    if given:
        host_by_class.update({each: given for each in environment.user_classes if is_bare(given)})
        note_base(environment, read_base(given), source)
        if environment.host and not isinstance(environment.runner, WorkerRunner):
            environment.host = replace_name(given, environment.host)
        return
    for user_class in environment.user_classes:
        if replace_host(user_class.host, "http://x") != "http://x":
            host_by_class[user_class] = user_class.host
            note_base(environment, read_base(user_class.host), user_class.__name__)


def note_base(environment: Any, base: str, source: str) -> None:
    if base.strip("/") and not read_base(environment.host):
        known = environment.harness_bases.get(base)
        environment.harness_bases[base] = f"{known} and {source}" if known else source


def keep_host(environment: Any) -> None:
    """Let only Locust set the environment's host: a listener of the scenario may set its usual one."""
    kind = type(environment)

    def set_host(self: Any, host: str | None) -> None:
        if sys._getframe(1).f_globals.get("__name__") == "locust.runners":
            self.__dict__["host"] = host

    host = property(lambda self: self.__dict__["host"], set_host)
    environment.__class__ = type(kind.__name__, (kind,), {"host": host})


def add_base(init: Callable[..., None]) -> Callable[..., None]:
    """Wrap a user's `__init__`: Locust gives each class the target's address before it creates users.

    A class of the scenario's may have set a host of its own before it calls this.
    """

    @functools.wraps(init)
    def init_with_base(self: Any, environment: Any, *args: Any, **kwargs: Any) -> None:
        host_before = self.__dict__.get("host")
        note_own_name(host_before)
        init(self, environment, *args, **kwargs)
        own_host = host_before or host_by_class.get(type(self))
        if own_host and environment.host:
            self.host = replace_host(own_host, environment.host)

    return init_with_base


def join_with_one_slash(build_url: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a client's `_build_url`, which puts the base before a path. It is called for every request.

    A path without a leading slash worked for the scenario's user, whose host ended in one; the target's
    address ends in none. A base that the scenario has set itself is looked at once.
    """

    @functools.wraps(build_url)
    def build_joined_url(self: Any, path: Any) -> Any:
        base = self.base_url or ""
        if base is not self.known_base:
            base = self.base_url = self.known_base = lead_to_target(base)
        if path[:1] == "/":
            return f"{base}{path[1:]}" if base[-1:] == "/" else f"{base}{path}"
        if isinstance(path, str) and ADDRESS.match(path):
            return lead_to_target(path)
        if path and path[:1] not in "?#" and base.count("/") == 2:
            scheme, _, name = base.partition("//")
            return f"{scheme}//{path}" if path.startswith(name) else build_url(self, f"/{path}")
        return build_url(self, path)

    return build_joined_url


def lead_to_target(address: str) -> str:
    """Return an address with the target's scheme, name and port, if it has the name of the scenario's host.

    A client's base may have the target's name alone, as a host without a scheme gives it.
    """
    target = HOST.fullmatch(getattr(environments[0], "host", None) or "") if environments else None
    own = HOST.fullmatch(add_scheme(address))
    if target is None or own is None or own[3].lower() not in (*own_names, target[3].lower()):
        return address
    return f"{target[1]}{target[3]}{own[4]}"


def lead_redirect(find_address: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap where HttpUser's client finds the address that an answer redirects to."""

    @functools.wraps(find_address)
    def find_led_address(self: Any, answer: Any) -> Any:
        address = find_address(self, answer)
        return address and lead_location(address, answer.request.method, answer.url)

    return find_led_address


def lead_fast_redirect(redirect: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap where FastHttpUser's client follows an answer's address."""

    @functools.wraps(redirect)
    def redirect_to_led(self: Any, code: int, location: str) -> Any:
        return redirect(self, code, lead_location(location, self.method, self.url))

    return redirect_to_led


def lead_location(address: str, method: str, asked: str) -> str:
    """Return the address of a redirect; the target's name and port replace those of the scenario's own host.

    A target that redirects what it was asked to the same address with HTTPS would do so for ever: such an
    address stays, so that its refusal says why.
    """
    whole = f"http:{address}" if address.startswith("//") else address
    led = lead_to_target(whole) if ADDRESS.match(whole) else address
    is_same = (f"{led}/" if led.count("/") == 2 else led) == asked and method in ("GET", "HEAD")
    return address if is_same else led


class AskedPath:
    """The path with its parameters by which HttpUser's client reports a request that has no name.

    It is composed as `requests` does, but only if the request is in flight when a page is taken.
    """

    __slots__ = ("client", "params", "text", "url")

    def __init__(self, client: Any, url: Any, params: Any) -> None:
        self.client, self.url, self.params = client, url, params
        self.text = ""

    def __str__(self) -> str:
        if not self.text:
            prepared = PreparedRequest()
            try:
                params = merge_params(self.params, self.client.params)
                prepared.prepare_url(self.client._build_url(self.url), params)
                self.text = prepared.path_url
            except Exception:
                self.text = str(self.url)
        return self.text


def name_by_path(self: Any, url: Any, params: Any) -> Any:
    """Return the name by which HttpUser's client will report a request that has none."""
    return AskedPath(self, url, params)


def name_by_address(self: Any, url: Any, params: Any) -> Any:
    """Return the same for FastHttpUser's client, which takes what it was given."""
    return url


User.__init__ = add_base(User.__init__)  # type: ignore[method-assign]
HttpSession.known_base = FastHttpSession.known_base = None  # type: ignore[attr-defined]
HttpSession._build_url = join_with_one_slash(HttpSession._build_url)  # type: ignore[method-assign]
FastHttpSession._build_url = join_with_one_slash(FastHttpSession._build_url)  # type: ignore[method-assign]
http_client, fast_client, fast_request = (
    cast(Any, each) for each in (HttpSession, FastHttpSession, CompatRequest)
)
http_client.name_asked, fast_client.name_asked = name_by_path, name_by_address
http_client.get_redirect_target = lead_redirect(http_client.get_redirect_target)
fast_request.redirect = lead_fast_redirect(fast_request.redirect)
locust.events.init.add_listener(on_init)  # type: ignore[no-untyped-call]
