"""Collect what a compose file becomes: a target's mapping, with notes and faults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.plan.compose.keys import Fate, find_lost_keys


@dataclass(slots=True)
class ComposeTarget:
    """A target's mapping as in target.yaml, notes on what it leaves out, and faults that make it useless.

    `without_effect` are the keys, by service, whose loss changes nothing that is measured. `left_out` are
    services that others name as hosts, but that nothing depends on. `restarted` are the services that the
    file starts again, and `built` those whose images are built for the build of another.
    """

    values: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    without_effect: dict[str, list[str]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    restarted: list[str] = field(default_factory=list)
    built: list[str] = field(default_factory=list)

    def note(self, name: str, text: str) -> None:
        """Add a note on a service; what is said already is not said again."""
        if f"{name}: {text}" not in self.notes:
            self.notes.append(f"{name}: {text}")

    def refuse(self, name: str, text: str) -> None:
        """Add a fault of a service; what is said already is not said again."""
        if f"{name}: {text}" not in self.faults:
            self.faults.append(f"{name}: {text}")

    def report_lost_keys(self, name: str, values: Mapping[str, Any], section: str) -> None:
        """Report the keys of a service, or of an entry of another section, that are not honoured."""
        for lost in find_lost_keys(values, section):
            match lost.treatment.fate:
                case Fate.REFUSED:
                    self.refuse(name, f"{lost.path} can't be honoured: {lost.treatment.text}")
                case Fate.NOTE:
                    self.note(name, f"{lost.path} is not honoured: {lost.treatment.text}")
                case _:
                    self.add_without_effect(name, lost.path)

    def add_without_effect(self, name: str, path: str) -> None:
        paths = self.without_effect.setdefault(name, [])
        if path not in paths:
            paths.append(path)

    def note_keys_of_many(self) -> None:
        """Add one note on all restarts, and one on all keys without effect."""
        if self.restarted:
            self.notes.append(
                f"restarted only until ready, and an end after that is a result: {', '.join(self.restarted)}"
            )
        if self.without_effect:
            parts = [f"{', '.join(paths)} of {name}" for name, paths in self.without_effect.items()]
            self.notes.append(f"has no effect on what is measured: {'; '.join(parts)}")
