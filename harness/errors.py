"""The exceptions of the harness. Each says what failed, where, the evidence, and what to try.

An error that ends a command decides its exit code:

HarnessError
├── UsageError                      a mistake of the user; nothing was started (exit 1)
│   └── InputError                  one or more problems in the user's files, each with its place
├── BackendError                    an engine, the generator or the host failed (exit 2)
│   ├── EngineError                 a Docker engine refused
│   │   └── EngineUnavailableError  the engine does not answer, or lost an image: worth another try
│   ├── CompanionStartError         a companion could not be brought up
│   ├── TargetStartError            a target could not be brought up: a fact about its size
│   └── GeneratorError              Locust did not start, or ended
├── PublishError                    a code host refused a comment (the command ends as usual: exit 0)
└── StoreError                      a results folder can't be read or written (exit 2)

`harness/cli/console.py` lists all exit codes. Some come without an error: a command that ends as usual
returns 2 if its answer is incomplete or inconclusive, and 3 if a requirement is not met, a size sustains
less than before, or a head is worse than its base. An interrupted command returns 130.
"""

from dataclasses import dataclass

from harness.model import FailureKind


class HarnessError(Exception):
    """A failure with a message for the user; `hint` says what to try."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}\n  try: {self.hint}" if self.hint else self.what


class UsageError(HarnessError):
    """A mistake of the user: exit code 1, nothing was started."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a file. `line` and `column` count from 1; 0 stands for the whole file."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


class InputError(UsageError):
    """All problems that were found in the user's files."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in sorted(problems)))
        self.problems = tuple(sorted(problems))


class BackendError(HarnessError):
    """A failure of an engine, of the generator or of the host, and not of the user: exit code 2."""


class EngineError(BackendError):
    """A Docker engine refused, or did not answer."""


class EngineUnavailableError(EngineError):
    """An engine did not answer, or lost an image: worth another try once the engine answers."""


class CompanionStartError(BackendError):
    """A companion could not be brought up. Its limits are the same at every size, so none can be measured."""


class TargetStartError(BackendError):
    """The target could not be brought up at this size; `kind` says how it failed.

    `exit_code` is that of a container which has run, and ended by itself.
    """

    def __init__(self, kind: FailureKind, what: str, hint: str = "", *, exit_code: int | None = None) -> None:
        super().__init__(what, hint)
        self.kind = kind
        self.exit_code = exit_code


class GeneratorError(BackendError):
    """Locust did not start, or ended."""


class PublishError(HarnessError):
    """A code host refused a comment, or did not answer.

    `is_forbidden` is True if the token may not comment, as on a pull request of a fork.
    """

    def __init__(self, what: str, hint: str = "", *, is_forbidden: bool = False) -> None:
        super().__init__(what, hint)
        self.is_forbidden = is_forbidden


class StoreError(HarnessError):
    """A campaign's folder is missing, damaged or not writable: exit code 2."""
