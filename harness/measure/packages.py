"""Packages that a scenario needs of its own: a Python environment beside ours, made once for each list."""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import version
from pathlib import Path

from harness.errors import UsageError

WITHIN_S = 600
LINES_SHOWN = 12


def interpreter(requirements: Path | None) -> Path:
    """The Python that Locust runs with: ours, or one that has ours and the scenario's packages.

    It is kept in the user's cache, by the list's content. Raises UsageError with pip's words.
    """
    if requirements is None:
        return Path(sys.executable)
    key = "\0".join([sys.version, sys.prefix, version("locust"), requirements.read_text(errors="replace")])
    home = cache() / hashlib.sha256(key.encode()).hexdigest()[:16]
    if not (home / "bin/python").exists():
        _make(home, requirements)
    return home / "bin/python"


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "capacity-harness"


def _make(home: Path, requirements: Path) -> None:
    """Under another name first: what is there under its own is complete."""
    home.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f"{home.name}.part-", dir=home.parent))
    try:
        _run([sys.executable, "-m", "venv", "--without-pip", str(part)], requirements)
        site = next(part.glob("lib/python*/site-packages"))
        (site / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
        pip = [
            str(part / "bin/python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--requirement",
            str(requirements),
        ]
        _run(pip, requirements)
        shutil.rmtree(home, ignore_errors=True)
        part.rename(home)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _run(command: list[str], requirements: Path) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WITHIN_S)
    if done.returncode != 0:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-LINES_SHOWN:])
        raise UsageError(
            f"{requirements.name}: pip can't install it:\n{said}", "pip install -r shows all of it"
        )
