"""Every guide in docs/guides works: its files are written and its commands are run, in their order."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.project import BASE, BEHAVES
from tests.summary_schema import VALIDATOR

pytestmark = pytest.mark.e2e

GUIDES = sorted((Path(__file__).parents[2] / "docs/guides").glob("*.md"))
BLOCK = re.compile(r"^```(sh|yaml|python)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module", autouse=True)
def shop() -> None:
    """Build the image that the guides use in place of the reader's image."""
    command = ["docker", "build", "--quiet", "--tag", "shop:1.4", "--build-arg", f"BASE={BASE}", str(BEHAVES)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_the_commands_of_a_guide_succeed(guide: Path, tmp_path: Path, leftovers: Callable[[], str]) -> None:
    shutil.copytree(BEHAVES, tmp_path / "behaves")
    dockerfile = tmp_path / "behaves/Dockerfile"
    dockerfile.write_text(
        re.sub(r"^ARG BASE=.*$", f"ARG BASE={BASE}", dockerfile.read_text(), flags=re.MULTILINE)
    )
    command_count, printed = 0, ""
    for kind, file, text in BLOCK.findall(guide.read_text()):
        if file:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(text)
        elif kind == "sh":
            for line in text.splitlines():
                printed += run_line(line, tmp_path)
                command_count += 1
    assert command_count >= 3
    if guide.stem == "burst-and-soak":
        check_soak(tmp_path, printed)
        assert leftovers() == ""


def check_soak(folder: Path, printed: str) -> None:
    """Require that the soak of a guide was held, said and stored; here, as a soak lasts a minute at least."""
    assert "held with 6 users for 1 min: every SLO holds" in printed
    summary = json.loads((folder / "results/latest/summary.json").read_text())
    VALIDATOR.validate(summary)
    (held,) = summary["soaks"]
    assert (held["verdict"], held["users"], held["restarts"]) == ("PASS", 6, 0)


def run_line(line: str, folder: Path) -> str:
    """Run a line of a guide, which succeeds; return what it printed."""
    harness = f"{sys.executable} -m harness"
    command = re.sub(r"^harness ", f"{harness} ", line)
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout
