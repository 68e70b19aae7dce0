"""Resolve `${NAME}` in a target's environment from the caller's own environment.

The values are never stored: a plan keeps the text as it was written. `$${` stands for a plain `${`.
"""

import re
from collections.abc import Iterator, Mapping

_REFERENCE = re.compile(r"\$(?P<plain>\$)?\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)\})?", re.ASCII)


def resolve_variables(text: str, environ: Mapping[str, str]) -> str:
    """Return the text with every `${NAME}` replaced by its value in `environ`.

    Raises:
        KeyError: a NAME is not set.
    """
    return _REFERENCE.sub(lambda match: _replace_reference(match, environ), text)


def _replace_reference(match: re.Match[str], environ: Mapping[str, str]) -> str:
    if match["plain"]:
        return match[0][1:]
    return environ[match["name"]] if match["name"] else match[0]


def find_reference_faults(text: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a message for each reference in the text that can't be resolved, with what to do."""
    for match in _REFERENCE.finditer(text):
        if match["plain"]:
            continue
        if match["name"] is None:
            yield "${ begins a reference; write ${NAME}, or $${ for a plain ${"
        elif (name := match["name"]) not in environ:
            yield f"${{{name}}} is not set in your environment; export {name}=… and try again"
