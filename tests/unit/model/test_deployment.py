"""What a deployment starts, and what of the target no exported file has."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from harness.model import Cell, ContainerOptions, ImageSource, Limits, Target
from harness.model.deployment import build_service

CELL = Cell("web", "web", Limits(1.0, 2**28))


def test_a_plain_target_leaves_nothing_out() -> None:
    assert build_service(Target("web", 8000, ImageSource("web:1")), CELL).left_out == ()


def test_what_else_a_target_was_measured_with_is_named_by_its_keys() -> None:
    options = ContainerOptions(working_dir="/srv", shm_bytes=2**28, is_read_only=True, restarts=True)
    target = Target(
        "web",
        8000,
        ImageSource("web:1"),
        user="1000",
        files={"/etc/web.conf": Path("web.conf")},
        tmpfs=("/run",),
        options=options,
    )
    left_out = ("user", "files", "tmpfs", "working_dir", "shm_size", "read_only")
    assert build_service(target, CELL).left_out == left_out


def test_each_option_of_a_container_is_left_out_or_says_nothing_of_a_deployment() -> None:
    """An option that is new must be added to one of the two. How a volume is mounted is said by `volumes`."""
    silent = {
        "aliases", "has_healthcheck", "healthcheck", "restarts", "empty_volumes", "read_only_volumes",
    }  # fmt: skip
    for name in [each.name for each in fields(ContainerOptions)]:
        other: Any = "a value that no option has"
        target = Target("web", 8000, ImageSource("web:1"), options=ContainerOptions(**{name: other}))
        assert (build_service(target, CELL).left_out == ()) is (name in silent), name
