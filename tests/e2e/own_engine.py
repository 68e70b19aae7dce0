"""Start another Docker engine on this machine, to kill it, restart it or fill its disk.

The engine has its own data and socket. It gets a bridge, and firewall rules that let its builds reach the
network; both are removed when it is stopped. Ports on 127.0.0.1 go through the engine's own proxies. The
mounts of a killed engine are removed too: a mounted network namespace keeps interfaces that would answer for
the next engine's addresses.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from tests.e2e.project import BASE, BEHAVES

UP_WITHIN_S = 60.0
DOWN_WITHIN_S = 30.0
ACTION = "{}"
"""The place of `-I` or `-D` in a firewall rule."""


class OwnEngine:
    """A Docker engine for one test. `number` (1 … 200) sets its addresses: no two engines may share it."""

    def __init__(self, folder: Path, number: int = 1, options: Sequence[str] = ()) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/docker.sock"
        self._bridge = f"harness{number}"
        self._network = f"10.213.{number}.1/24"
        self._rules = [
            [
                "-t",
                "nat",
                ACTION,
                "POSTROUTING",
                "-s",
                self._network,
                "!",
                "-o",
                self._bridge,
                "-j",
                "MASQUERADE",
            ],
            [ACTION, "FORWARD", "-i", self._bridge, "-j", "ACCEPT"],
            [ACTION, "FORWARD", "-o", self._bridge, "-j", "ACCEPT"],
        ]
        self._command = [
            "dockerd",
            f"--data-root={folder}/data",
            f"--exec-root={folder}/run",
            f"--pidfile={folder}/docker.pid",
            f"--host={self.address}",
            f"--bridge={self._bridge}",
            "--iptables=false",
            *options,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the engine and wait until it answers. Raises RuntimeError with the end of its log."""
        run_ip("link", "delete", self._bridge, check=False)
        run_ip("link", "add", self._bridge, "type", "bridge")
        run_ip("address", "add", self._network, "dev", self._bridge)
        run_ip("link", "set", self._bridge, "up")
        self._change_rules("-D")
        self._change_rules("-I")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + UP_WITHIN_S
        while not self.is_answering():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.2)

    def is_answering(self) -> bool:
        return self.run_docker("version", check=False).returncode == 0

    def run_docker(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["docker", "--host", self.address, *arguments], capture_output=True, check=check, timeout=120
        )

    def load(self, image: str) -> None:
        """Copy an image from the default engine to this one."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
            subprocess.run(
                ["docker", "--host", self.address, "load"],
                stdin=saved.stdout,
                capture_output=True,
                check=True,
                timeout=300,
            )

    def load_base(self) -> None:
        """Copy the base image from the default engine, with Python in it, so that builds fetch nothing."""
        build = ["docker", "build", "--quiet", "--build-arg", f"BASE={BASE}", str(BEHAVES)]
        image = subprocess.run(build, capture_output=True, text=True, check=True).stdout.strip()
        self.load(image)
        self.run_docker("tag", image, BASE)

    def kill(self) -> None:
        """Kill the engine and containerd, as a crash does: the containers and their shims go on running."""
        children = psutil.Process(self._process.pid).children() if self._process else []
        self._end_process(signal.SIGKILL)
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        (self.folder / "run/containerd/containerd.pid").unlink(missing_ok=True)

    def stop(self) -> None:
        self._end_process(signal.SIGTERM)
        self._change_rules("-D")
        for mount in reversed(Path("/proc/mounts").read_text().splitlines()):
            if (path := mount.split()[1]).startswith(f"{self.folder}/"):
                subprocess.run(["umount", "--lazy", path], check=False)
        run_ip("link", "delete", self._bridge, check=False)

    def _change_rules(self, action: str) -> None:
        """Insert (`-I`) or delete (`-D`) the firewall rules."""
        for rule in self._rules:
            words = [action if word == ACTION else word for word in rule]
            subprocess.run(["iptables", "-w", *words], capture_output=True, check=False)

    def _end_process(self, signal_number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal_number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(DOWN_WITHIN_S)
        self._process = None


def run_ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], capture_output=True, check=check)


@contextlib.contextmanager
def run_own_engine(
    folder: Path, disk_mib: int = 0, number: int = 1, options: Sequence[str] = ()
) -> Iterator[OwnEngine]:
    """Start an engine, and remove it on leaving. Needs root.

    `disk_mib` is the size of its disk; 0 is the disk of this machine. `options` are more options of dockerd.
    """
    assert os.geteuid() == 0, "starting an engine needs root"
    data = folder / "data"
    data.mkdir(parents=True)
    if disk_mib:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={disk_mib}m", "tmpfs", data], check=True)
    engine = OwnEngine(folder, number, options)
    try:
        engine.start()
        yield engine
    finally:
        with contextlib.suppress(RuntimeError):
            if engine._process is None:  # killed: its containers can be removed only by a new engine
                engine.start()
        for container in engine.run_docker("ps", "--all", "--quiet", check=False).stdout.decode().split():
            engine.run_docker("rm", "--force", container, check=False)
        engine.stop()
