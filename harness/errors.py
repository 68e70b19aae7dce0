"""The exception tree. Each carries what failed, where, the evidence, and what to try.

HarnessError
├── UsageError            the user's mistake; nothing was started (exit 1)
│   └── InputError        one or more problems in files, each with its place
├── WorldError            the engine, the generator or the host refused (exit 2)
│   ├── EngineError       Docker did not do what was asked
│   │   └── EngineGone    it did not answer, or lost an image: that may pass
│   ├── CompanionFailed       what a target needs beside it could not be brought up
│   ├── TargetFailed      a target could not be brought up: a fact about its size
│   └── GeneratorError    Locust did not start, or died
└── StoreError            a results folder that can't be read or written
"""

from dataclasses import dataclass

from harness.model import FailureKind


class HarnessError(Exception):
    """Any failure with words for the user; `hint` says what to try."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}\n  try: {self.hint}" if self.hint else self.what


class UsageError(HarnessError):
    """The user's mistake: exit code 1, nothing was started."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a file. `line` and `column` count from 1; 0 where the file as a whole is meant."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


class InputError(UsageError):
    """Every problem found in the user's files, at once."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in sorted(problems)))
        self.problems = tuple(sorted(problems))


class WorldError(HarnessError):
    """The outside world did not do its part: exit code 2."""


class EngineError(WorldError):
    """The Docker engine refused or did not answer."""


class EngineGone(EngineError):
    """The engine did not answer, or no longer has what it had: worth another try once it answers."""


class CompanionFailed(WorldError):
    """A companion did not come up. It has the same limits beside every size: no size can be measured."""


class TargetFailed(WorldError):
    """The target did not come up at this size; `kind` says how it failed."""

    def __init__(self, kind: FailureKind, what: str, hint: str = "") -> None:
        super().__init__(what, hint)
        self.kind = kind


class GeneratorError(WorldError):
    """Locust did not start, or died."""


class StoreError(HarnessError):
    """A campaign's folder is missing, damaged or not writable."""
