"""The command demo: write the bundled web shop into a folder, and measure two sizes of it."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.console import app, say
from harness.cli.run import run
from harness.measure.docker.client import BASE_IMAGE
from harness.measure.docker.image import has_image

_PACKAGE = Path(__file__).resolve().parents[1]
_SHOP_IN_WHEEL = _PACKAGE / "demo" / "web"
_SHOP_IN_CHECKOUT = _PACKAGE.parent / "targets" / "web"
_OWN_BASE = f", args: {{BASE: {BASE_IMAGE}}}"
"""What `make base` builds where no registry can be reached. Without it the usual base is pulled."""


@app.command("demo")
def demo(
    folder: Annotated[
        Path, typer.Argument(help="The folder of the demo; files that it has are kept.", metavar="FOLDER")
    ] = Path("capacity-demo"),
) -> int:
    """Write a small web shop with its locustfile and matrix into a folder, and measure two sizes of it.

    Takes about four minutes. If it is interrupted, the same command goes on.
    """
    write_demo(folder, has_own_base=has_image(BASE_IMAGE))
    say(f"{folder} holds a web shop, a locustfile and a matrix with two sizes, which are measured now")
    return run(folder / "matrix.yaml", results=folder / "results")


def write_demo(folder: Path, *, has_own_base: bool) -> None:
    """Write the files that the folder does not have yet."""
    for path, content in _list_files().items():
        if path == Path("targets/web/target.yaml") and not has_own_base:
            content = content.replace(_OWN_BASE.encode(), b"")
        _write(folder / path, content)


def _list_files() -> dict[Path, bytes]:
    """Return the demo's files by their paths in its folder."""
    shop = _SHOP_IN_WHEEL if _SHOP_IN_WHEEL.is_dir() else _SHOP_IN_CHECKOUT
    files = {Path("matrix.yaml"): (_PACKAGE / "demo" / "matrix.yaml").read_bytes()}
    for path in sorted(shop.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            files[Path("targets/web") / path.relative_to(shop)] = path.read_bytes()
    return files


def _write(path: Path, content: bytes) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.part")
    partial.write_bytes(content)
    partial.replace(path)
