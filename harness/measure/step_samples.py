"""Gather the samples of a step as they come, with instants that count from the start of the container run."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from harness.measure.protocols import GeneratorFacts, Usage
from harness.model import (
    CompanionFacts,
    CpuReading,
    GeneratorSample,
    HostSample,
    TargetEvent,
    TargetSample,
    WorkerSample,
)

S = TypeVar("S", TargetSample, CpuReading, HostSample, GeneratorSample, WorkerSample, TargetEvent)


class StepSamples:
    """The samples and events of a step so far, and those of its companions by their names.

    Instants count from `start_s`, which is one of the clock.
    """

    def __init__(self, start_s: float) -> None:
        self.generator: list[GeneratorSample] = []
        self.workers: list[WorkerSample] = []
        self.target: list[TargetSample] = []
        self.cpu: list[CpuReading] = []
        self.host: list[HostSample] = []
        self.events: list[TargetEvent] = []
        self.companions: dict[str, CompanionFacts] = {}
        self._start_s = start_s

    def add_facts(self, facts: GeneratorFacts) -> None:
        """Add the samples of a poll of the generator."""
        self.generator += self._shift(facts.samples)
        self.workers += self._shift(facts.workers)

    def add_usage(self, usage: Usage) -> None:
        """Add what was counted of target, host and companions since the last time."""
        self.target += self._shift(usage.target)
        self.cpu += self._shift(usage.cpu)
        self.host += self._shift(usage.host)
        self.events += self._shift(usage.events)
        for name, facts in usage.companions.items():
            before = self.companions[name].samples if name in self.companions else ()
            self.companions[name] = CompanionFacts(facts.limits, (*before, *self._shift(facts.samples)))

    def _shift(self, samples: Sequence[S]) -> list[S]:
        return [replace(sample, at_s=sample.at_s - self._start_s) for sample in samples]
