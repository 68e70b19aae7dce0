"""Download Locust and a scenario's packages as wheels for the workers' image, once for each list of packages.

The wheels are downloaded on this host: an image's build often lacks the certificates, the proxy or the route
to the package index.
"""

import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from harness.measure.docker.client import BASE_IMAGE
from harness.measure.locust.package_installer import run_checked
from harness.measure.locust.requirements_env import fill_cache
from harness.model import BuildSource

_PYTHON_VERSION = "3.11"
"""The version of Debian bookworm, which the workers' image is based on."""

_MANYLINUX = (
    "manylinux1",
    "manylinux2010",
    "manylinux2014",
    *(f"manylinux_2_{minor}" for minor in range(5, 37)),
)
"""Platform tags of wheels that run on bookworm's glibc, 2.36 (PEP 600)."""


def prepare_build_source(architecture: str, requirements: Path | None) -> BuildSource:
    """Return the source of the workers' image. Its wheels are downloaded if the user's cache lacks them.

    `architecture` is a name that `uname -m` prints. Raises UsageError with pip's output if a package has no
    wheel for this architecture.
    """
    packages = requirements.read_text(errors="replace") if requirements else ""
    dockerfile = files("harness.measure.locust").joinpath("image/Dockerfile").read_text()
    key = "\0".join([version("locust"), architecture, _PYTHON_VERSION, packages, dockerfile])
    folder = fill_cache(
        key,
        "Dockerfile",
        lambda folder: _fill_build_folder(folder, architecture, requirements, dockerfile),
        prefix="worker-",
    )
    return BuildSource(folder, args={"BASE": BASE_IMAGE})


def _fill_build_folder(folder: Path, architecture: str, requirements: Path | None, dockerfile: str) -> None:
    (folder / "Dockerfile").write_text(dockerfile)
    _download_wheels(folder / "wheels", architecture, requirements)


def _download_wheels(folder: Path, architecture: str, requirements: Path | None) -> None:
    platforms = [word for name in _MANYLINUX for word in ("--platform", f"{name}_{architecture}")]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"]
    command += ["--python-version", _PYTHON_VERSION, *platforms, "--dest", str(folder)]
    command += [f"locust=={version('locust')}"]
    command += ["--requirement", str(requirements)] if requirements else []
    run_checked(
        command,
        f"pip can't download Locust for the workers' image ({architecture})",
        f"name an image that contains Locust {version('locust')}: load: {{image: …}}",
    )
