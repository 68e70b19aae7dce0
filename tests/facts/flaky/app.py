"""A server with two bad habits of real servers, to record what they look like.

The server handles its connections ten times a second. It first closes those that were idle for more than
IDLE_S, as servers with a keep-alive timeout do: a request that arrived meanwhile gets a reset. Of the
requests of each second it answers the first BUSY_RPS with 200, and all others with 503.
"""

import os
import selectors
import socket
import time
from collections.abc import Iterator

IDLE_S = float(os.environ.get("IDLE_S", "3600"))
BUSY_RPS = float(os.environ.get("BUSY_RPS", "1e9"))
LOOK_EVERY_S = 0.1

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"


def main() -> None:
    listener = socket.create_server(("0.0.0.0", 8000), backlog=512)
    listener.setblocking(False)
    last: dict[socket.socket, float] = {}
    second = count = 0
    selector = selectors.DefaultSelector()
    while True:
        time.sleep(LOOK_EVERY_S)
        now = time.monotonic()
        for connection in [each for each, at in last.items() if now - at > IDLE_S]:
            close(selector, last, connection)
        for connection in accept_all(listener):
            last[connection] = now
            selector.register(connection, selectors.EVENT_READ, data=connection)
        if int(now) != second:
            second, count = int(now), 0
        for key, _ in selector.select(0) if last else ():
            connection = key.data
            data = connection.recv(65536)
            if not data:
                close(selector, last, connection)
                continue
            last[connection], count = now, count + 1
            connection.sendall(GOOD if count <= BUSY_RPS else BUSY)


def accept_all(listener: socket.socket) -> Iterator[socket.socket]:
    while True:
        try:
            yield listener.accept()[0]
        except BlockingIOError:
            return


def close(
    selector: selectors.BaseSelector, last: dict[socket.socket, float], connection: socket.socket
) -> None:
    selector.unregister(connection)
    del last[connection]
    connection.close()


if __name__ == "__main__":
    main()
