"""A minimal valid project in a temporary folder, for tests to break."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.model import Plan
from harness.plan import load_plan

FILES = {
    "matrix.yaml": "target: targets/web\nlimits: {cpus: [0.5, 1], memory: [64MiB, 128MiB]}\n",
    "targets/web/target.yaml": "name: web\nbuild: {context: .}\nport: 8000\n",
    "targets/web/Dockerfile": "FROM scratch\n",
    "targets/web/locustfile.py": "from locust import HttpUser\n\n\nclass ShopUser(HttpUser):\n    pass\n",
}
ENVIRON = {"SET": "value"}
Files = Mapping[str, str | bytes | None]
"""Contents by file name; None removes a file."""

LoadWith = Callable[[str], Plan]
"""A function that loads the minimal project with the given lines added to its matrix."""


@dataclass(frozen=True)
class Project:
    """A project in the current directory: messages name its files by paths relative to `folder`."""

    folder: Path

    def write(self, files: Files) -> None:
        """Write each file; remove a file if its content is None."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)

    def load(self) -> Plan:
        return load_plan(self.folder / "matrix.yaml", ENVIRON)

    def find_mistakes(self) -> list[str]:
        """Return the lines of the error that loading raises."""
        with pytest.raises(InputError) as caught:
            self.load()
        return str(caught.value).splitlines()
