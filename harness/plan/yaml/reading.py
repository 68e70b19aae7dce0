"""Read a YAML file section by section, and collect every problem with its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness.errors import Problem
from harness.plan.yaml.document import MOST_PROBLEMS, Document, KeyPath
from harness.plan.yaml.problems import to_problem

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Reading:
    """One section of a document, the mapping at `at`, and the problems that were found.

    Paths in the document are relative to `folder`, and `${NAME}` refers to `environ`. `problems` collects
    mistakes, so that reading goes on and finds more; the readings of a matrix and its target share the list.
    """

    document: Document
    folder: Path
    environ: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)
    at: KeyPath = ()

    @property
    def values(self) -> Any:
        """The value at `at`; a mapping, unless the user wrote something else."""
        values = self.document.values
        for key in self.at:
            values = values[key]
        return values

    def enter(self, *keys: str | int) -> "Reading":
        """Return the reading of the section at these keys."""
        return replace(self, at=(*self.at, *keys))

    def report(self, path: KeyPath, message: str, *, at_key: bool = False) -> None:
        """Add a problem; `path` is relative to `at`. With `at_key` the key itself is wrong, not its value."""
        self.problems.append(self.document.build_problem((*self.at, *path), message, at_key=at_key))

    def validate(self, model: type[Model]) -> tuple[Model, frozenset[str]]:
        """Validate the mapping; return the section and the faulty keys.

        Faulty keys get their defaults in the section, so every key of the model needs one. The faults are
        added to `problems`.
        """
        values = self.values
        try:
            return model.model_validate(values), frozenset()
        except ValidationError as error:
            errors = error.errors(include_url=False)
        for details in errors[:MOST_PROBLEMS]:
            self.problems.append(to_problem(model, details, self.document, self.at))
        faulty = frozenset(str(details["loc"][0]) for details in errors if details["loc"])
        known = values if isinstance(values, dict) and faulty else {}
        valid = {key: value for key, value in known.items() if key not in faulty}
        return model.model_validate(valid), faulty
