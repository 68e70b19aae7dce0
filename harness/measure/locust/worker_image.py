"""Locust and what a scenario needs, as wheels for an image: fetched by our pip, once for each list.

An image's build often lacks what this needs: certificates, a proxy, a way to the package index.
"""

import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from harness.measure.docker.client import BASE_IMAGE
from harness.measure.locust.requirements_env import kept, ran
from harness.model import Build

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
    dockerfile = files("harness.measure.locust").joinpath("image/Dockerfile").read_text()
    key = "\0".join([version("locust"), architecture, PYTHON, wanted, dockerfile])
    home = kept(
        key, "Dockerfile", lambda part: _fill(part, architecture, requirements, dockerfile), kind="worker-"
    )
    return Build(home, args={"BASE": BASE_IMAGE})


def _fill(folder: Path, architecture: str, requirements: Path | None, dockerfile: str) -> None:
    (folder / "Dockerfile").write_text(dockerfile)
    _download(folder / "wheels", architecture, requirements)


def _download(folder: Path, architecture: str, requirements: Path | None) -> None:
    platforms = [word for name in MANYLINUX for word in ("--platform", f"{name}_{architecture}")]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"]
    command += ["--python-version", PYTHON, *platforms, "--dest", str(folder)]
    command += [f"locust=={version('locust')}"]
    command += ["--requirement", str(requirements)] if requirements else []
    ran(
        command,
        f"pip can't fetch Locust for an image ({architecture})",
        f"name an image that holds Locust {version('locust')}: load: {{image: …}}",
    )
