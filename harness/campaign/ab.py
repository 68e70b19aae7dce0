"""Compare two versions of a target: hold pairs of windows until the answer is clear or the time is over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.analyse.result.ab import assess_ab
from harness.analyse.step.judge import judge_step
from harness.campaign.ab_windows import Pilot, WindowHolder, choose_timing
from harness.campaign.preflight import (
    EngineBackends,
    build_fingerprint,
    check_plan,
    clean_engines,
    connect_backends,
    separate_cores,
)
from harness.campaign.resume import create_campaign
from harness.errors import UsageError
from harness.measure.protocols import Image
from harness.measure.session import Backends
from harness.model import CampaignState, Cell, ImageSource, Plan, Purpose, Step
from harness.model.ab import AbAnswer, AbTest, Held, Pair, Side
from harness.plan import plan_from_json
from harness.report import render_ab
from harness.store import CampaignFolder, build_campaign_name
from harness.store.ab_log import StoredHeld, StoredPair, add_pair, add_test, read_comparison


@dataclass(frozen=True, slots=True)
class AbRequest:
    """What the user asks of a comparison. Without `users` as many are held as the size bears well."""

    base: str
    head: str
    users: int | None = None
    within_s: float = 600.0
    least_ratio: float = 0.05


class AbListener:
    """The base class of observers of a comparison: each method does nothing unless it is overridden."""

    def note(self, text: str) -> None:
        """Show something that the user should know."""

    def pilot_finished(self, test: AbTest, pilot: Pilot) -> None:
        """Show with how many users the versions are compared, and what these need of the base."""

    def pair_finished(self, pair: Pair, answer: AbAnswer) -> None:
        """Show a pair, and the answer so far."""


def run_ab(
    plan: Plan,
    request: AbRequest,
    results: Path,
    listener: AbListener,
    *,
    connect: Callable[[str, Plan], EngineBackends] = connect_backends,
) -> tuple[AbAnswer, CampaignFolder]:
    """Compare the two cells of the plan, base and head, in a new campaign; return the answer and its folder.

    Raises:
        UsageError: the plan cannot be measured here; nothing was started.
        BackendError: the engine or the generator failed, or the base does not bear the users.
        StoreError: the campaign's folder can't be written.
    """
    _check_request(plan, request)
    name = build_campaign_name(f"{plan.target.name}-ab")
    backends = connect(name, plan)
    plan = check_plan(plan, backends)
    with clean_engines(backends, results, listener.note):
        workers, placement = separate_cores(backends, plan)
        folder = create_campaign(results, name, plan, build_fingerprint(workers, placement))
        (single,) = workers.values()
        comparison = Comparison(plan, request, single, listener, folder)
        state = CampaignState.INTERRUPTED
        try:
            comparison.run()
            state = CampaignState.COMPLETE
        finally:
            folder.finish(state)
            if comparison.answer is not None:
                folder.write_reports(render_ab(comparison.answer))
    assert comparison.answer is not None
    return comparison.answer, folder


def _check_request(plan: Plan, request: AbRequest) -> None:
    """Raise UsageError if the comparison can't be made of this plan."""
    if len(plan.engines) > 1:
        raise UsageError("the matrix names several engines", "keep the one to compare on")
    if request.users is not None and request.users > plan.users_limit:
        raise UsageError(
            f"{request.users} users are more than the matrix allows ({plan.users_limit})",
            "name fewer with --users, or raise users.limit",
        )


class Comparison:
    """Two versions that are being compared; without a `folder` nothing is stored."""

    def __init__(
        self,
        plan: Plan,
        request: AbRequest,
        backends: Backends,
        listener: AbListener,
        folder: CampaignFolder | None = None,
    ) -> None:
        self.answer: AbAnswer | None = None
        self._plan = plan
        self._request = request
        self._backends = backends
        self._listener = listener
        self._folder = folder
        self._cells = find_sides(plan)

    def run(self) -> AbAnswer:
        """Hold a pilot of the base, then pairs until the answer is clear or the time is over."""
        images = self._prepare_images()
        clock = self._backends.clock
        holder = WindowHolder(self._plan, self._backends, images, self._listener.note, self._folder)
        started_s = clock.now_s()
        pilot = holder.hold_pilot(self._cells[Side.BASE], self._request.users)
        test = self._build_test(pilot.users, images)
        if self._folder is not None:
            add_test(self._folder, test, {side: image.digest for side, image in images.items()})
        self._listener.pilot_finished(test, pilot)
        step = Step(
            pilot.users,
            choose_timing(self._plan, pilot),
            Purpose.AB,
            cycle_s=pilot.cycle_s,
            is_quick=True,
        )
        self.answer = assess_ab(test, ())
        pairs: list[Pair] = []
        while not self.answer.is_over:
            pair = self._hold_pair(holder, step, len(pairs) + 1, started_s)
            pairs.append(pair)
            self.answer = assess_ab(test, pairs)
            self._listener.pair_finished(pair, self.answer)
        return self.answer

    def _prepare_images(self) -> Mapping[Side, Image]:
        self._backends.generator.prepare(self._plan.scenario)
        images = {
            side: self._backends.host.prepare(cell.adapt_target(self._plan.target))
            for side, cell in self._cells.items()
        }
        if self._folder is not None:
            for image in dict.fromkeys((image.reference, image.digest) for image in images.values()):
                self._folder.add_image(*image)
        return images

    def _build_test(self, users: int, images: Mapping[Side, Image]) -> AbTest:
        request = self._request
        return AbTest(
            request.base,
            request.head,
            self._cells[Side.BASE].limits.drop_variant(),
            users,
            request.within_s,
            request.least_ratio,
            is_same_image=self._are_same(images),
        )

    def _are_same(self, images: Mapping[Side, Image]) -> bool:
        """Return True if both sides run the same image with the same settings."""
        digests = {image.digest for image in images.values()}
        base, head = (
            replace(cell.adapt_target(self._plan.target), source=ImageSource(""))
            for cell in self._cells.values()
        )
        return len(digests) == 1 and base == head

    def _hold_pair(self, holder: WindowHolder, step: Step, number: int, started_s: float) -> Pair:
        """Hold a window of each side: base, head, head, base and so on, so that a steady drift cancels.

        Both have the same seed, so their users choose the same. The pair is the final one if another of its
        length would end too late.
        """
        clock = self._backends.clock
        began_s = clock.now_s()
        order = (Side.BASE, Side.HEAD) if number % 2 else (Side.HEAD, Side.BASE)
        held, stored = dict[Side, Held](), dict[Side, StoredHeld]()
        for side in order:
            held[side], stored[side] = holder.hold_window(self._cells[side], step, number)
        now_s = clock.now_s()
        ended_s = round(now_s - started_s, 3)
        is_final = ended_s + now_s - began_s > self._request.within_s
        if self._folder is not None:
            pair = StoredPair(number, stored[Side.BASE], stored[Side.HEAD], ended_s, is_final)
            add_pair(self._folder, pair)
        return Pair(number, held[Side.BASE], held[Side.HEAD], ended_s, is_final)


def find_sides(plan: Plan) -> Mapping[Side, Cell]:
    """Return the plan's two cells by their sides. Raises UsageError if it is no plan of a comparison."""
    cells = {cell.limits.variant: cell for cell in plan.cells}
    try:
        return {side: cells[side.value] for side in Side}
    except KeyError as error:
        raise UsageError(f"the plan has no {error.args[0]}", "restore plan.json, or compare again") from None


def rejudge_ab(folder: CampaignFolder) -> AbAnswer | None:
    """Return the answer of a stored comparison, from its facts; None if the campaign is none."""
    stored = read_comparison(folder)
    if stored is None:
        return None
    plan = plan_from_json(folder.read_plan())
    cells = find_sides(plan)

    def judge(side: Side, held: StoredHeld) -> Held:
        if held.file is None:
            return Held(failure=held.failure)
        facts = folder.read_step(held.file)
        return Held(judge_step(facts, plan.slos, None, cells[side].limits, plan.timing))

    pairs = [
        Pair(
            each.number,
            judge(Side.BASE, each.base),
            judge(Side.HEAD, each.head),
            each.ended_s,
            each.is_final,
        )
        for each in stored.pairs
    ]
    return assess_ab(stored.test, pairs)
