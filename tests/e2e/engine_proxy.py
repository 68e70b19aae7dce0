"""A proxy before the engine, which simulates an engine that goes away and comes back."""

import contextlib
import socket
import threading
from collections.abc import Iterator

SOCKET = "/var/run/docker.sock"


class EngineProxy:
    """A TCP proxy to the engine's socket; `cut` closes it, and `restore` opens the same port again."""

    def __init__(self) -> None:
        self._port = 0
        self.restore()

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self._port}"

    def restore(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(SOCKET)
                self._connections += [client, engine]
                for pair in ((client, engine), (engine, client)):
                    thread = threading.Thread(target=self._forward, args=pair, daemon=True)
                    self._threads.append(thread)
                    thread.start()

    @staticmethod
    def _forward(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def run_engine_proxy() -> Iterator[EngineProxy]:
    proxy = EngineProxy()
    try:
        yield proxy
    finally:
        proxy.cut()
