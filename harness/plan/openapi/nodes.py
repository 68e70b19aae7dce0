"""Walk an OpenAPI document: values by their keys, with references followed.

References are resolved by `referencing`, which fetches nothing by itself. It is given the files of the
document's project, and nothing else: no address of a network, and no file elsewhere. Each reference that is
not followed is noted. The project is the repository that holds the document, or else its folder.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource, Unresolvable

from harness.errors import InputError
from harness.plan.host_mounts import find_project_folder
from harness.plan.yaml.large import read_large_document

_NOWHERE = "openapi:document"
_MOST_REFERENCES = 64
"""References that lead to a value, one within the other: a document nested deeper is not followed."""

_MOST_NOTES = 5
_SUFFIXES = (".json", ".yaml", ".yml")


@dataclass(slots=True)
class Notes:
    """What is not honoured, in the order in which it was found, each once."""

    unfollowed: dict[str, str] = field(default_factory=dict)
    """The reason for each reference that is not followed."""
    others: dict[str, None] = field(default_factory=dict)

    def add(self, sentence: str) -> None:
        self.others[sentence] = None

    def list_all(self) -> tuple[str, ...]:
        """Return all notes as sentences; of many references only the first are named."""
        named = [f"{ref} is not followed: {reason}" for ref, reason in self.unfollowed.items()]
        more = len(named) - _MOST_NOTES
        rest = [f"{more} more references are not followed"] if more > 0 else []
        return (*self.others, *named[:_MOST_NOTES], *rest)


@dataclass(frozen=True, slots=True)
class Node:
    """A value in the document, in which references can be followed.

    `value` is never a reference itself. `trail` are the references that led here from the document's root.
    `reference` is the one that leads to this very value; empty for a value that stands where it is used.
    """

    value: Any
    notes: Notes
    base: str
    """The address of the file that the value is in."""
    resolver: Any
    trail: tuple[tuple[str, str], ...] = ()
    reference: str = ""

    @property
    def mapping(self) -> Mapping[str, Any]:
        """The value if it is a mapping, else an empty one."""
        return self.value if isinstance(self.value, dict) else {}

    def get(self, *keys: str) -> "Node":
        """Return the node at these keys, one within the other.

        Its value is None if there is none, or if the references on the way lead nowhere or never end.
        """
        node = self
        for key in keys:
            node = replace(node, value=node.mapping.get(key), reference="")._follow()
        return node

    def list_items(self, key: str) -> list["Node"]:
        """Return the items of the list at a key; without the references that lead nowhere, or never end."""
        items = self.get(key)
        values = items.value if isinstance(items.value, list) else []
        nodes = (replace(items, value=value, reference="")._follow() for value in values)
        return [node for node in nodes if node.value is not None]

    def get_items(self) -> Iterator[tuple[str, "Node"]]:
        """Yield the keys of a mapping with their nodes; without references that lead nowhere or never end."""
        for key in self.mapping:
            if (node := self.get(key)).value is not None:
                yield key, node

    def _follow(self) -> "Node":
        """Return the value that a reference leads to; keys beside `$ref` go before those found there."""
        node = self
        beside: dict[str, Any] = {}
        while isinstance(node.value, dict) and isinstance(ref := node.value.get("$ref"), str):
            beside = {**{key: value for key, value in node.value.items() if key != "$ref"}, **beside}
            node = node._look_up(ref)
        if beside and isinstance(node.value, dict):
            return replace(node, value={**node.value, **beside})
        return node

    def _look_up(self, ref: str) -> "Node":
        try:
            base = self.base if ref.startswith("#") else urldefrag(urljoin(self.base, ref)).url
            if (step := (base, ref)) in self.trail or len(self.trail) >= _MOST_REFERENCES:
                return replace(self, value=None)
            found = self.resolver.lookup(ref)
        except (Unresolvable, NoSuchResource, ValueError, TypeError) as error:
            self.notes.unfollowed.setdefault(ref, _describe_reason(error))
            return replace(self, value=None)
        trail = (*self.trail, step)
        return replace(
            self, value=found.contents, base=base, resolver=found.resolver, trail=trail, reference=ref
        )


def _describe_reason(error: BaseException) -> str:
    while (cause := error.__cause__) is not None:
        error = cause
    return str(error) if isinstance(error, _RefusedReferenceError) else "there is nothing in the document"


class _RefusedReferenceError(Exception):
    """A reference to something outside of the document's folder, or to no readable document."""


@dataclass(slots=True)
class _Folder:
    """The files that a document may refer to: those in its project's folder and below. Each is read once."""

    folder: Path
    known: dict[str, Resource[Any]] = field(default_factory=dict)

    def retrieve(self, uri: str) -> Resource[Any]:
        """Return the document at a file's address.

        Raises:
            _RefusedReferenceError: it is elsewhere, or can't be read.
        """
        if uri not in self.known:
            self.known[uri] = Resource.opaque(self._read(uri))
        return self.known[uri]

    def _read(self, uri: str) -> Any:
        parts = urlsplit(uri)
        if parts.scheme != "file" or parts.netloc:
            raise _RefusedReferenceError("nothing is fetched from elsewhere; save it beside the document")
        path = Path(unquote(parts.path))
        if path.suffix.lower() not in _SUFFIXES:
            raise _RefusedReferenceError(f"it is no file called {', '.join(_SUFFIXES)}")
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise _RefusedReferenceError("it lies outside of the document's project")
        try:
            return read_large_document(path)
        except InputError as error:
            raise _RefusedReferenceError(str(error.problems[0].message)) from None


def open_document(values: Any, path: Path | None = None) -> Node:
    """Return the root of a document. With its `path`, references to the files beside it are followed."""
    if path is None:
        base = _NOWHERE
        registry: Registry[Any] = Registry()
    else:
        base = path.absolute().as_uri()
        folder = _Folder(find_project_folder(path.absolute().parent))
        registry = Registry(retrieve=folder.retrieve)  # type: ignore[call-arg]  # an alias that mypy doesn't see
    registry = registry.with_resource(base, Resource.opaque(values))
    return Node(values, Notes(), base, registry.resolver(base))
