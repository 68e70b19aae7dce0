"""Every guide in docs/guides is followed: its files are written and its commands run, in their order."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.project import BASE, BEHAVES

pytestmark = pytest.mark.e2e

GUIDES = sorted((Path(__file__).parents[2] / "docs/guides").glob("*.md"))
BLOCK = re.compile(r"^```(sh|yaml|python)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module", autouse=True)
def shop() -> None:
    """Build the image that stands for the reader's own in the guides."""
    command = ["docker", "build", "--quiet", "--tag", "shop:1.4", "--build-arg", f"BASE={BASE}", str(BEHAVES)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_can_be_followed(guide: Path, tmp_path: Path) -> None:
    shutil.copytree(BEHAVES, tmp_path / "behaves")
    dockerfile = tmp_path / "behaves/Dockerfile"
    dockerfile.write_text(
        re.sub(r"^ARG BASE=.*$", f"ARG BASE={BASE}", dockerfile.read_text(), flags=re.MULTILINE)
    )
    done = 0
    for kind, file, text in BLOCK.findall(guide.read_text()):
        if file:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(text)
        elif kind == "sh":
            for line in text.splitlines():
                run_line(line, tmp_path)
                done += 1
    assert done >= 3


def run_line(line: str, folder: Path) -> None:
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
