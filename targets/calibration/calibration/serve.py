"""Just enough HTTP/1.1: GET, connections kept as long as clients like, a cookie that tells users apart."""

import asyncio
import itertools
import signal
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple, Protocol

COOKIE = "user"
BACKLOG = 1024


class Service(Protocol):
    async def serve(self, user: str, times: int) -> None:
        """Do one request's work for this user, so many times."""
        ...


class Request(NamedTuple):
    """`user` is None before the first answer has given the client its cookie."""

    path: str
    user: str | None
    is_last: bool


async def serve(service: Service, port: int) -> None:
    """Until SIGTERM, which the first process of a container ignores unless it has a handler."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    names = map(str, itertools.count(1))
    async with await asyncio.start_server(partial(converse, service, names), port=port, backlog=BACKLOG):
        await ended.wait()


async def converse(
    service: Service, names: Iterator[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer one connection's requests, one after the other."""
    try:
        is_last = False
        while not is_last:
            request = read(await reader.readuntil(b"\r\n\r\n"))
            if request is None:
                writer.write(response(400, "only GET, and only without a body\n"))
                break
            writer.write(await answer(service, names, request))
            await writer.drain()
            is_last = request.is_last
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        pass  # the client has gone, or speaks something else
    finally:
        writer.close()


async def answer(service: Service, names: Iterator[str], request: Request) -> bytes:
    if request.path == "/healthz":
        return response(200, "ok\n")
    times = times_in(request.path)
    if times is None:
        return response(404, "only /, /1 to /99 and /healthz\n")
    user = request.user or next(names)
    await service.serve(user, times)
    return response(200, "done\n", None if request.user else user)


def times_in(path: str) -> int | None:
    """Return how often a request does its work: once for /, four times for /4; None for any other path."""
    times = path.removeprefix("/") or "1"
    return int(times) if times.isascii() and times.isdigit() and 1 <= len(times) <= 2 and int(times) else None


def read(head: bytes) -> Request | None:
    """The request of its head; None if it isn't a GET."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    path, _, version = rest.partition(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if method != "GET" or not version.startswith("HTTP/1.") or headers.get("content-length", "0") != "0":
        return None
    closes = version == "HTTP/1.0" or headers.get("connection", "").lower() == "close"
    return Request(path, user_in(headers.get("cookie", "")), closes)


def user_in(cookies: str) -> str | None:
    pairs = (cookie.strip().partition("=") for cookie in cookies.split(";"))
    return next((value for name, _, value in pairs if name == COOKIE and value), None)


def response(status: int, text: str, new_user: str | None = None) -> bytes:
    reason = {200: "OK", 400: "Bad Request", 404: "Not Found"}[status]
    cookie = f"Set-Cookie: {COOKIE}={new_user}; Path=/\r\n" if new_user else ""
    return (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n"
        f"{cookie}\r\n{text}"
    ).encode()
