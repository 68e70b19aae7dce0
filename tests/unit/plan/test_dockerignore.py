"""The engine is sent the files that Docker's own rules don't ignore."""

from pathlib import Path

import pytest
from docker.utils import exclude_paths

from harness.plan.dockerignore import list_build_context, parse_ignore_rules

FILES = (
    "Dockerfile",
    "README.md",
    "app/main.py",
    "app/notes.md",
    "app/tmp/cache",
    "docs/a.md",
    "docs/keep.md",
    "docs/deep/b.md",
    "tmp/x",
)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("docs")
    return tmp_path


@pytest.mark.parametrize(
    "rules",
    [
        [],
        ["*.md"],
        ["**/*.md"],
        ["docs"],
        ["/docs/", "!docs/keep.md"],
        ["*", "!app"],
        ["**/tmp"],
        ["app/*", "!app/main.py"],
        ["docs/**/b.md", "[a-c]*"],
        ["Dockerfile", ".dockerignore"],
        ["./docs/../app", "?mp"],
    ],
)
def test_the_files_are_those_that_dockers_own_client_sends(context: Path, rules: list[str]) -> None:
    (context / ".dockerignore").write_text("# a comment\n\n" + "".join(f" {rule} \n" for rule in rules))
    assert list_build_context(context, "Dockerfile") == sorted(
        exclude_paths(str(context), list(rules), dockerfile="Dockerfile")
    )


def test_without_a_dockerignore_everything_is_sent(context: Path) -> None:
    folders = {"app", "app/tmp", "docs", "docs/deep", "tmp"}
    assert list_build_context(context, "Dockerfile") == sorted({*FILES, *folders, "link"})


@pytest.mark.parametrize("line", ["", "  ", "# x", "/", ".", "!", "["])
def test_a_line_that_is_no_pattern_ignores_nothing(line: str) -> None:
    assert not parse_ignore_rules(line).is_ignored("app/main.py")
