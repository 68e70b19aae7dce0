"""`${NAME}` in a target's environment: values from the caller's own environment, which are never stored.

A plan keeps the text as written; `resolved` fills it in when a container is created. `$${` is a plain `${`.
"""

import re
from collections.abc import Iterator, Mapping

REFERENCE = re.compile(r"\$(?P<plain>\$)?\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)\})?", re.ASCII)


def resolved(text: str, environ: Mapping[str, str]) -> str:
    """The text with every `${NAME}` replaced by its value in `environ`.

    Raises:
        KeyError: a NAME is not set.
    """
    return REFERENCE.sub(lambda match: replacement(match, environ), text)


def replacement(match: re.Match[str], environ: Mapping[str, str]) -> str:
    if match["plain"]:
        return match[0][1:]
    return environ[match["name"]] if match["name"] else match[0]


def reference_faults(text: str, environ: Mapping[str, str]) -> Iterator[str]:
    """What keeps the text from being resolved, each with what to do."""
    for match in REFERENCE.finditer(text):
        if match["plain"]:
            continue
        if match["name"] is None:
            yield "${ begins a reference; write ${NAME}, or $${ for a plain ${"
        elif (name := match["name"]) not in environ:
            yield f"${{{name}}} is not set in your environment; export {name}=… and try again"
