"""A machine to try the tools on: every command that could change the real one is an imitation."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DEBIAN = "ID=debian\nVERSION_CODENAME=bookworm\n"
CHANGES_THE_MACHINE = ("apt-get", "dockerd", "debootstrap", "systemctl")


@dataclass(frozen=True)
class Outcome:
    exit_code: int
    said: str
    commands: tuple[str, ...]
    """What was called of the imitations, in order: name and arguments."""


class Machine:
    """Runs our tools with imitations of other people's commands first in the PATH."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._calls = folder / "calls"
        self._bin = folder / "bin"
        self._bin.mkdir()
        self.environment = {"OS_RELEASE": str(folder / "os-release"), "DOCKERD_LOG": str(self.dockerd_log)}
        self.environment |= {"DOCKERD_PID": str(folder / "docker.pid"), "TMPDIR": str(folder)}
        self.says("id", "echo 0")
        self.runs(DEBIAN)
        for name in CHANGES_THE_MACHINE:
            self.says(name, "exit 1")

    @property
    def dockerd_log(self) -> Path:
        return self._folder / "dockerd.log"

    def runs(self, os_release: str) -> None:
        (self._folder / "os-release").write_text(os_release)

    def says(self, command: str, script: str) -> None:
        """Give the machine a command of this name, or replace the one it has."""
        imitation = self._bin / command
        imitation.write_text(f'#!/bin/bash\necho "{command} $*" >>{self._calls}\n{script}\n')
        imitation.chmod(0o755)

    def tool(self, name: str, *arguments: str, **environment: str) -> Outcome:
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


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)
