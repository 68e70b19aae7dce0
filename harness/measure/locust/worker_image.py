"""Download Locust and a scenario's packages as wheels for the workers' image, once for each list.

They are downloaded on this host, since a build often lacks the certificates, the proxy or the route to the
package index.
"""

import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from harness.measure.docker.client import BASE_IMAGE
from harness.measure.locust.requirements_env import fill_cache, run_checked
from harness.model import BuildSource

_PYTHON = "3.11"
"""The version in Debian bookworm."""

_MANYLINUX = (
    "manylinux1",
    "manylinux2010",
    "manylinux2014",
    *(f"manylinux_2_{minor}" for minor in range(5, 37)),
)
"""Platform tags of wheels that run on bookworm's glibc, 2.36 (PEP 600)."""


def build_for_architecture(architecture: str, requirements: Path | None) -> BuildSource:
    """Return the build of the workers' image for an architecture, as `uname -m` prints it.

    Raises UsageError with pip's output if a package has no wheel for it.
    """
    packages = requirements.read_text(errors="replace") if requirements else ""
    dockerfile = files("harness.measure.locust").joinpath("image/Dockerfile").read_text()
    key = "\0".join([version("locust"), architecture, _PYTHON, packages, dockerfile])
    home = fill_cache(
        key, "Dockerfile", lambda part: _fill(part, architecture, requirements, dockerfile), kind="worker-"
    )
    return BuildSource(home, args={"BASE": BASE_IMAGE})


def _fill(folder: Path, architecture: str, requirements: Path | None, dockerfile: str) -> None:
    (folder / "Dockerfile").write_text(dockerfile)
    _download(folder / "wheels", architecture, requirements)


def _download(folder: Path, architecture: str, requirements: Path | None) -> None:
    platforms = [word for name in _MANYLINUX for word in ("--platform", f"{name}_{architecture}")]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"]
    command += ["--python-version", _PYTHON, *platforms, "--dest", str(folder)]
    command += [f"locust=={version('locust')}"]
    command += ["--requirement", str(requirements)] if requirements else []
    run_checked(
        command,
        f"pip can't download Locust for the workers' image ({architecture})",
        f"name an image that holds Locust {version('locust')}: load: {{image: …}}",
    )
