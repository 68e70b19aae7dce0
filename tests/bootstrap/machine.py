"""A machine to test the tools: stubs replace all commands that could change the real machine."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
DEBIAN = "ID=debian\nVERSION_CODENAME=bookworm\n"
STUBBED = ("apt-get", "dockerd", "debootstrap", "systemctl")


@dataclass(frozen=True)
class Outcome:
    exit_code: int
    output: str
    commands: tuple[str, ...]
    """The calls of stubs in order, each with its name and arguments, but without calls of `id`."""


class Machine:
    """A machine that runs the tools with stubs of other programs first in the PATH."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._calls = folder / "calls"
        self._bin = folder / "bin"
        self._bin.mkdir()
        self.environment = {"OS_RELEASE": str(folder / "os-release"), "DOCKERD_LOG": str(self.dockerd_log)}
        self.environment |= {"DOCKERD_PID": str(folder / "docker.pid"), "TMPDIR": str(folder)}
        self.add_stub("id", "echo 0")
        self.set_os_release(DEBIAN)
        for name in STUBBED:
            self.add_stub(name, "exit 1")

    @property
    def dockerd_log(self) -> Path:
        return self._folder / "dockerd.log"

    def set_os_release(self, os_release: str) -> None:
        (self._folder / "os-release").write_text(os_release)

    def add_stub(self, command: str, script: str) -> None:
        """Add a command with this name, or replace it."""
        stub = self._bin / command
        stub.write_text(f'#!/bin/bash\necho "{command} $*" >>{self._calls}\n{script}\n')
        stub.chmod(0o755)

    def run_tool(self, name: str, *arguments: str, **environment: str) -> Outcome:
        done = subprocess.run(
            [REPOSITORY / "tools" / name, *arguments],
            env=self._environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=30,
        )
        calls = self._calls.read_text().splitlines() if self._calls.exists() else []
        return Outcome(
            done.returncode, done.stdout, tuple(call for call in calls if not call.startswith("id "))
        )

    def _environment(self, extra: dict[str, str]) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("DOCKER_") and k != "ENGINE"}
        return inherited | {"PATH": f"{self._bin}:{os.environ['PATH']}"} | self.environment | extra
