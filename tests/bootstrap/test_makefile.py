"""The Makefile has the promised targets, and lists them."""

import os
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PROMISED = {"matrix", "test", "check", "report", "bench", "bench-search", "bench-truth", "clean", "help"}


def run_make(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}
    return subprocess.run(
        ["make", "-C", REPOSITORY, "--no-print-directory", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
    )


def list_targets() -> set[str]:
    return set(re.findall(r"^  make ([a-z0-9-]+) +\S", run_make().stdout, re.MULTILINE))


def test_make_alone_lists_the_targets() -> None:
    assert run_make().stdout == run_make("help").stdout
    assert list_targets() >= PROMISED


@pytest.mark.parametrize(
    "target", sorted(PROMISED | {"venv", "engine", "base", "browser", "fmt", "distclean", "test-v2"})
)
def test_every_listed_target_can_be_made(target: str) -> None:
    assert target in list_targets()
    assert run_make("--dry-run", target).returncode == 0


def test_the_user_chooses_the_matrix_and_the_arguments() -> None:
    commands = run_make("--dry-run", "matrix", "MATRIX=other.yaml", "ARGS=--quiet").stdout
    assert 'harness run "other.yaml" --results results --quiet' in commands
    assert 'run "my shop.yaml" ' in run_make("--dry-run", "matrix", "MATRIX=my shop.yaml").stdout


def test_a_comparison_without_two_campaigns_says_how_to_name_them() -> None:
    """The name of a campaign that is nowhere is given to the harness, which says so."""
    named = run_make("--dry-run", "compare", "BASE=results/a b", "HEAD=results/c").stdout
    assert 'harness compare "results/a b" "results/c"' in named
    assert "name them with BASE=… and HEAD=…" in named


def test_cleaning_never_removes_results() -> None:
    assert "results" not in run_make("--dry-run", "distclean", "clean").stdout


def test_no_address_of_a_mirror_or_registry_is_written_down() -> None:
    files = [REPOSITORY / "Makefile", *filter(Path.is_file, (REPOSITORY / "tools").iterdir())]
    address = re.compile(r"https?://(?!json-schema\.org/)\w")
    assert not [file.name for file in files if address.search(file.read_text())]
