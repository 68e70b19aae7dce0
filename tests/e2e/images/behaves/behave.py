"""A target with the behaviour of its first argument. Requests such as /burn/0.02 make it do an action."""

import http.server
import os
import sys
import time

MIB = 1024 * 1024
PORT = 8000


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    eaten: list[bytes | bytearray] = []  # noqa: RUF012 (shared, so that the memory stays in use)

    def do_GET(self) -> None:
        _, action, amount, *_ = [*self.path.split("/"), "", ""]
        if action == "burn":
            burn(float(amount))
        if action == "eat":
            self.eaten.append(bytearray(int(amount) * MIB))
        if action == "leak":
            self.eaten.append(os.urandom(int(amount) * 1024))
        if action == "spike":
            bytearray(int(amount) * MIB)
        if action == "reread":
            reread(int(amount))
        if action == "sync":
            sync(int(amount))
        if action == "eat-in-a-child" and os.fork() == 0:
            eat()
        if action == "exit":
            os._exit(int(amount))
        self.answer(503 if action == "wrong" else int(amount) if action == "status" else 200)

    def answer(self, status: int) -> None:
        body = f"{status}\n".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def burn(cpu_s: float) -> None:
    end_s = time.thread_time() + cpu_s
    while time.thread_time() < end_s:
        pass


def reread(mebibytes: int) -> None:
    """Read a file twice, which does not fit into the memory beside what it has to drop for it."""
    with open("/tmp/read", "w+b") as file:
        for _ in range(mebibytes):
            file.write(bytes(MIB))
        for _ in range(2):
            file.seek(0)
            while file.read(MIB):
                pass


def sync(writes: int) -> None:
    """Write to the disk so often, and wait each time."""
    with open("/tmp/written", "wb", buffering=0) as file:
        for _ in range(writes):
            file.write(os.urandom(4096))
            os.fsync(file.fileno())


def answer() -> None:
    http.server.ThreadingHTTPServer(("", PORT), Handler).serve_forever()


def end() -> None:
    print("the catalogue is missing")
    sys.exit(3)


def eat() -> None:
    eaten = []
    while True:
        eaten.append(bytearray(MIB))


def mute() -> None:
    print("I will never listen")
    time.sleep(3600)


if __name__ == "__main__":
    {"answer": answer, "exit": end, "eat": eat, "mute": mute}[sys.argv[1]]()
