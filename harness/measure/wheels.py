"""Locust and what a scenario needs, as wheels for an image: fetched by our pip, once for each list.

An image's build often lacks what this needs: certificates, a proxy, a way to the package index.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from harness.errors import UsageError
from harness.measure.packages import LINES_SHOWN, WITHIN_S, cache
from harness.model import Build

BASE = "harness-base:bookworm"
PYTHON = "3.11"
"""Debian bookworm's."""

MANYLINUX = (
    "manylinux1",
    "manylinux2010",
    "manylinux2014",
    *(f"manylinux_2_{minor}" for minor in range(5, 37)),
)
"""All that run on bookworm's glibc, 2.36 (PEP 600)."""


def build_for(architecture: str, requirements: Path | None) -> Build:
    """What an image for workers is built from, on an engine of this architecture (as `uname -m` says it).

    Raises UsageError with pip's words, where there is no wheel for it.
    """
    wanted = requirements.read_text(errors="replace") if requirements else ""
    dockerfile = files("harness.measure").joinpath("locust/Dockerfile").read_text()
    key = "\0".join([version("locust"), architecture, PYTHON, wanted, dockerfile])
    home = cache() / f"worker-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    if not home.exists():
        _make(home, architecture, requirements, dockerfile)
    return Build(home, args={"BASE": BASE})


def _make(home: Path, architecture: str, requirements: Path | None, dockerfile: str) -> None:
    """Under another name first: what is there under its own is complete."""
    home.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f"{home.name}.part-", dir=home.parent))
    try:
        _download(part / "wheels", architecture, requirements)
        (part / "Dockerfile").write_text(dockerfile)
        if not home.exists():
            part.rename(home)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _download(folder: Path, architecture: str, requirements: Path | None) -> None:
    platforms = [word for name in MANYLINUX for word in ("--platform", f"{name}_{architecture}")]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"]
    command += ["--python-version", PYTHON, *platforms, "--dest", str(folder)]
    command += [f"locust=={version('locust')}"]
    command += ["--requirement", str(requirements)] if requirements else []
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WITHIN_S)
    if done.returncode != 0:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-LINES_SHOWN:])
        raise UsageError(
            f"pip can't fetch Locust for an image ({architecture}):\n{said}",
            f"name an image that holds Locust {version('locust')}: load: {{image: …}}",
        )
