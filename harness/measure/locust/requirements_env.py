"""Packages that a scenario needs of its own: a Python environment beside ours, made once for each list."""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
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
    return kept(key, "bin/python", lambda part: _install(part, requirements)) / "bin/python"


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "capacity-harness"


def kept(key: str, proof: str, fill: Callable[[Path], None], kind: str = "") -> Path:
    """The cache's folder for a key, filled where it lacks `proof`, a file that each complete one has.

    It is filled under another name first: what is there under its own is complete.
    """
    home = cache() / (kind + hashlib.sha256(key.encode()).hexdigest()[:16])
    if (home / proof).exists():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f"{home.name}.part-", dir=home.parent))
    try:
        fill(part)
        if not (home / proof).exists():  # somebody else was as quick
            shutil.rmtree(home, ignore_errors=True)
            part.rename(home)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return home


def ran(command: list[str], failure: str, hint: str) -> None:
    """Raises UsageError with `failure` and the command's last words, where it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WITHIN_S)
    if done.returncode != 0:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-LINES_SHOWN:])
        raise UsageError(f"{failure}:\n{said}", hint)


def _install(home: Path, requirements: Path) -> None:
    why = (f"{requirements.name}: pip can't install it", "pip install -r shows all of it")
    ran([sys.executable, "-m", "venv", "--without-pip", str(home)], *why)
    site = next(home.glob("lib/python*/site-packages"))
    (site / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [str(home / "bin/python"), "-m", "pip"]
    ran([*pip, "install", "--quiet", "--requirement", str(requirements)], *why)
