"""Read what a stored campaign certified, and store the steps that hold it again."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Self

from harness.analyse.result.comparison import find_changed_parts
from harness.analyse.result.host_speed import find_host_speed
from harness.analyse.search.step_timing import fit_step
from harness.analyse.search.worker_count import count_workers
from harness.analyse.step.baseline import Baseline
from harness.analyse.step.judge import judge_step
from harness.campaign.progress import CampaignProgress, replay
from harness.errors import UsageError
from harness.model import Cell, CellResult, Factor, Load, Plan, Rule, Step, StepFacts, StepResult, Verdict
from harness.plan import load_plan, plan_from_json
from harness.report import name_part
from harness.store import CampaignFolder
from harness.store.step_file import decode_step, encode_step

_MOST_TRIES = 2
"""An INVALID step says nothing about the target, so it is held once more, as in a campaign. So is a step that
passes by less than half of its window, because the host or the generator was disturbed in the rest.
"""

_SLOWER_FACTOR = 1.05
"""A host is slower than before from this factor on; less is within the noise of the CPU time per request."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The users that a size sustained, on which engine, and the baseline that its steps were judged by.

    `sure_users` are those that it surely sustains: `users` less the precision that the size itself reports.
    `work_s` is the host's pace at which the users passed; None if the CPU does not stop the size, or if the
    pace is unknown. `is_slowed` says that they are reduced because the host had become slower, `is_sure` by
    the precision.
    """

    cell: Cell
    users: int
    sure_users: int
    engine: str | None
    baseline: Baseline | None
    work_s: float | None = None
    is_slowed: bool = False
    is_sure: bool = False

    def reduce_to_sure(self) -> Self | None:
        """Return the certificate of the users that are surely sustained; None if these are all."""
        return replace(self, users=self.sure_users, is_sure=True) if self.sure_users < self.users else None

    def compare_pace(self, work_s: float | None) -> float | None:
        """Return by what share a host of this pace is slower than when the users passed; None if unknown."""
        return None if self.work_s is None or work_s is None else work_s / self.work_s - 1

    def reduce_to_speed(self, work_s: float | None, elasticity: float) -> Self | None:
        """Return the certificate for a host of another pace; None unless that host is slower.

        Users times CPU time per request is what stays (see `harness.analyse.result.host_speed`), and the CPU
        time follows the pace by the elasticity.
        """
        pace_ratio = self.compare_pace(work_s)
        if pace_ratio is None or self.is_slowed or self.is_sure:
            return None
        factor = (1 + pace_ratio) ** elasticity
        if factor < _SLOWER_FACTOR:
            return None
        users, sure_users = (max(1, math.floor(each / factor)) for each in (self.users, self.sure_users))
        return replace(self, users=users, sure_users=sure_users, is_slowed=True)


@dataclass(frozen=True, slots=True)
class Hold:
    """A size held again: the facts of its last step, and their result."""

    facts: StepFacts
    result: StepResult
    tries: int

    @property
    def has_survived(self) -> bool:
        """True if the certified users pass again, by at least half of the window."""
        return self.result.verdict is Verdict.PASS and not self._is_cut

    @property
    def is_final(self) -> bool:
        """True if there is nothing to hold again: the verdict is known, or it was disturbed too often."""
        is_unknown = self.result.verdict is Verdict.INVALID or (
            self.result.verdict is Verdict.PASS and self._is_cut
        )
        return not is_unknown or self.tries >= _MOST_TRIES

    @property
    def _is_cut(self) -> bool:
        """True if more of the window was disturbed, and so left out, than was judged."""
        return self.result.host.left_out_s > self.result.window_s

    @property
    def broke_slo(self) -> bool:
        """True if the users were too many by an SLO, which a certificate's precision may explain."""
        return self.result.rule is Rule.SLO_BROKEN


@dataclass(frozen=True, slots=True)
class HeldCampaign:
    """A stored campaign whose certificates are held again for `window_s` each; `out` is the steps' folder.

    `steps` are all steps of the campaign. `elasticity` tells how the CPU time of a request follows the host's
    pace.
    """

    folder: CampaignFolder
    plan: Plan
    certificates: tuple[Certificate, ...]
    steps: tuple[StepResult, ...]
    window_s: float
    out: Path
    elasticity: float = 0.0

    def choose_load(self) -> Load:
        """Return the load with as many Locust processes as the campaign's steps show to be needed."""
        load = self.plan.load
        if load.workers is not None:
            return load
        return replace(load, workers=count_workers(self.steps, self.plan.users_limit))

    def build_step(self, certificate: Certificate) -> Step:
        """Build the step that holds the certified users for the whole window."""
        timing = replace(self.plan.timing, window_at_least_s=self.window_s, window_at_most_s=self.window_s)
        return fit_step(self.plan, Step(certificate.users, timing), self.steps)

    def add_step(self, certificate: Certificate, facts: StepFacts) -> Hold:
        """Store the facts of a step and return them, judged as they will be when they are read again."""
        self.out.mkdir(parents=True, exist_ok=True)
        file = self._name_file(certificate, facts.index)
        partial = file.with_suffix(".part")
        partial.write_bytes(encode_step(facts))
        partial.replace(file)
        return self._read_hold(certificate, facts.index)

    def find_hold(self, certificate: Certificate) -> Hold | None:
        """Return the last stored step of a size; None if there is none."""
        tries = 0
        while self._name_file(certificate, tries + 1).is_file():
            tries += 1
        return self._read_hold(certificate, tries) if tries else None

    def find_next(self, certificate: Certificate) -> Certificate | None:
        """Return what to hold next of a size, at its users or at fewer; None if all is known."""
        hold = self.find_hold(certificate)
        if hold is None or not hold.is_final:
            return certificate
        reduced = self._reduce(certificate, hold)
        return None if reduced is None else self.find_next(reduced)

    def read_holds(self) -> list[tuple[Certificate, Hold | None]]:
        """Return each certificate with its last stored step, None without one, and those of fewer users."""
        pairs = []
        for certificate in self.certificates:
            each: Certificate | None = certificate
            while each is not None:
                hold = self.find_hold(each)
                pairs.append((each, hold))
                each = None if hold is None else self._reduce(each, hold)
        return pairs

    def _reduce(self, certificate: Certificate, hold: Hold) -> Certificate | None:
        """Return the certificate of fewer users after a hold; None if nothing explains why it did not pass.

        Only a broken SLO is explained: by a slower host, or else by the precision. A death is not.
        """
        if not hold.broke_slo:
            return None
        slowed = certificate.reduce_to_speed(hold.result.host.work_s, self.elasticity)
        return slowed or certificate.reduce_to_sure()

    def _read_hold(self, certificate: Certificate, number: int) -> Hold:
        file = self._name_file(certificate, number)
        facts = decode_step(file.read_bytes(), file)
        plan, limits = self.plan, certificate.cell.limits
        result = judge_step(facts, plan.slos, certificate.baseline, limits, plan.timing)
        return Hold(facts, result, number)

    def _name_file(self, certificate: Certificate, number: int) -> Path:
        return self.out / f"{certificate.cell.id}-at-{certificate.users}-{number}.json.gz"


def open_campaign(path: Path, matrix: Path, minutes: float, out: Path | None = None) -> HeldCampaign:
    """Open a stored campaign that was measured by this matrix file.

    Raises:
        UsageError: there is no campaign, it sustained nothing, or scenario or target have changed since.
        StoreError: the campaign's folder can't be read.
    """
    folder = CampaignFolder.open(path)
    stored = plan_from_json(folder.read_plan(), matrix.absolute().parent)
    progress = replay(stored, folder)
    results = progress.build_results(stored)
    certificates = _list_certificates(results, progress)
    if not certificates:
        raise UsageError(f"{path}: no size of this campaign sustains any users")
    speed = find_host_speed(results)
    return HeldCampaign(
        folder,
        _read_target(stored, matrix),
        certificates,
        tuple(step for each in progress.cells.values() for step in each.steps),
        60 * minutes,
        out or folder.path / f"holds-{minutes:g}min",
        speed.elasticity if speed else 0.0,
    )


def _list_certificates(results: Sequence[CellResult], progress: CampaignProgress) -> tuple[Certificate, ...]:
    """Return a certificate of each size with a step that passed; answers inferred from others don't count."""
    return tuple(
        Certificate(
            result.cell,
            result.sustained_users,
            max(1, math.floor(result.sustained_users / (1 + (result.precision_ratio or 0.0)))),
            result.engine,
            progress.cells[result.cell.id].baseline,
            _find_pace(result),
        )
        for result in results
        if result.sustained_users is not None and result.steps
    )


def _find_pace(result: CellResult) -> float | None:
    """Return the host's mean pace while the users passed; None unless the CPU stops the size."""
    if result.limiting_factor is not Factor.CPU:
        return None
    passed = [step for step in result.steps if step.users == result.sustained_users]
    paces_s = [step.host.work_s for step in passed if step.verdict is Verdict.PASS and step.host.work_s]
    return fmean(paces_s) if paces_s else None


def _read_target(stored: Plan, matrix: Path) -> Plan:
    """Return the stored plan with target, scenario, load and engines of the matrix file.

    Without that file the stored ones are used; they lack the addresses of engines on other machines. Raises
    UsageError if target or scenario are not those that were measured.
    """
    if not matrix.is_file():
        return stored
    current = load_plan(matrix)
    changed = [part for part in find_changed_parts(stored.hashes, current.hashes) if part != "matrix"]
    if changed:
        names = " and ".join(name_part(part) for part in changed)
        raise UsageError(
            f"{matrix}: {names} changed since the campaign was measured",
            "name the campaign's own matrix file with --matrix, or undo the change",
        )
    engines = {name: current.engines.get(name, engine) for name, engine in stored.engines.items()}
    return replace(
        stored, target=current.target, scenario=current.scenario, load=current.load, engines=engines
    )
