"""Write docs/compose-keys.md, with what becomes of every key of a compose file.

Run `python -m tools.compose_keys`. The page is made from `harness.plan.compose.keys`, by which compose files
are read.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.plan.compose.keys import TREATMENTS, Fate, Treatment

PAGE = Path(__file__).parents[1] / "docs" / "compose-keys.md"

_SECTIONS = (
    ("services.*.build.", "The build of a service"),
    ("services.*.deploy.", "The key `deploy` of a service"),
    ("services.*.volumes.", "A mount of a service"),
    ("services.*.networks.", "A service in a network"),
    ("services.*.", "A service"),
    ("networks.*.", "A network"),
    ("volumes.*.", "A volume"),
    ("secrets.*.", "A secret"),
    ("configs.*.", "A config"),
    ("", "The file"),
)
"""The beginnings of keys that belong together, with their headings; a key belongs to the first that fits."""

_ORDER = ("The file", "A service")
_BEGINNING = """\
# What becomes of each key of a compose file

These are all keys of the compose specification. A key that is *honoured* does what it says. One
*without effect* changes nothing about a fresh container that is measured. What is *noted*, `harness plan`
says before anything starts. What is *refused* would make it another service than the file describes.
`python -m tools.compose_keys` writes this page from the table by which files are read.

"""

_WORDS = {Fate.NOTE: "noted", Fate.REFUSED: "refused"}


def write_page() -> str:
    """Return the whole text of the page."""
    headings = [*_ORDER, *(heading for _, heading in _SECTIONS if heading not in _ORDER)]
    parts = [f"## {heading}\n\n{''.join(_write_section(_list_keys(heading)))}" for heading in headings]
    return _BEGINNING + "\n".join(parts)


def _list_keys(heading: str) -> dict[str, Treatment]:
    """Return the treatments of the keys under a heading, by the rest of their paths, sorted."""
    found: dict[str, Treatment] = {}
    for path, treatment in sorted(TREATMENTS.items()):
        beginning, title = next(each for each in _SECTIONS if path.startswith(each[0]))
        if title == heading:
            found[path.removeprefix(beginning).replace("*", "NAME")] = treatment
    return found


def _write_section(keys: Mapping[str, Treatment]) -> Iterator[str]:
    for fate, words in ((Fate.HONOURED, "Honoured"), (Fate.NO_EFFECT, "Without effect")):
        names = [f"`{key}`" for key, treatment in keys.items() if treatment.fate is fate]
        if names:
            yield f"{words}: {', '.join(names)}.\n\n"
    rows = [_write_row(key, each) for key, each in keys.items() if each.fate in _WORDS]
    if rows:
        yield "| key | | what that means |\n|---|---|---|\n" + "".join(rows)


def _write_row(key: str, treatment: Treatment) -> str:
    harmless = " and ".join(f"`{value}`" for value in treatment.harmless)
    but = f"; not for {harmless}" if harmless else ""
    return f"| `{key}` | {_WORDS[treatment.fate]} | {treatment.text}{but} |\n"


if __name__ == "__main__":
    PAGE.write_text(write_page(), encoding="utf-8")
