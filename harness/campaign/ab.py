"""Compare two versions of a target: hold pairs of windows until the answer is clear or the time is over."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.analyse.result.ab import assess_ab
from harness.campaign.ab_listener import AbListener
from harness.campaign.ab_windows import WindowHolder, build_ab_step, choose_windows
from harness.campaign.live_ab import ComparisonRecorder
from harness.campaign.preflight import (
    EngineBackends,
    build_fingerprint,
    check_plan,
    clean_engines,
    connect_backends,
    separate_cores,
)
from harness.campaign.resume import open_campaign
from harness.campaign.runner import ignore_folder
from harness.campaign.stored_ab import (
    find_sides,
    find_unfinished_comparison,
    read_pairs,
    rejudge_ab,
)
from harness.errors import UsageError
from harness.measure.protocols import Image
from harness.measure.session import Backends
from harness.model import CampaignState, ImageSource, Plan, Step, Target
from harness.model.ab import AbAnswer, AbTest, AbWindows, Held, Pair, Side
from harness.report import render_ab
from harness.store import CampaignFolder, build_campaign_name
from harness.store.ab_log import (
    StoredComparison,
    StoredHeld,
    StoredPair,
    add_pair,
    add_test,
    read_comparison,
)


@dataclass(frozen=True, slots=True)
class AbRequest:
    """What the user asks of a comparison. Without `users` as many are held as the size bears well."""

    base: str
    head: str
    users: int | None = None
    within_s: float = 600.0
    least_ratio: float = 0.05

    def is_asked_in(self, stored: StoredComparison) -> bool:
        """Return True if a stored comparison asked the same."""
        test = stored.test
        asked = AbRequest(test.base, test.head, stored.users_asked, test.within_s, test.least_ratio)
        return self == asked


def run_ab(
    plan: Plan,
    request: AbRequest,
    results: Path,
    listener: AbListener,
    *,
    fresh: bool = False,
    targets: Mapping[Side, Target] | None = None,
    connect: Callable[[str, Plan], EngineBackends] = connect_backends,
    on_folder: Callable[[CampaignFolder], None] = ignore_folder,
) -> tuple[AbAnswer, CampaignFolder]:
    """Compare the two cells of the plan, base and head; return the answer and the campaign's folder.

    The newest campaign in `results` is gone on with if it is an interrupted comparison that asked the same,
    and `fresh` is False. Its pairs count, and the time between does not. `targets` are those of the two
    sides, if they differ by more than the plan's variants. `on_folder` is called with the campaign's folder
    before anything is measured.

    Raises:
        UsageError: the plan cannot be measured here, or an image changed since an interrupted comparison.
        BackendError: the engine or the generator failed, or the base does not bear the users.
        StoreError: the campaign's folder can't be read or written.
    """
    _check_request(plan, request)
    path = None if fresh else find_unfinished_comparison(results, plan, request.is_asked_in, listener.note)
    name = path.name if path else build_campaign_name(f"{plan.target.name}-ab")
    backends = connect(name, plan)
    with clean_engines(backends, results, listener.note):
        plan = check_plan(plan, backends)
        for target in (targets or {}).values():
            check_plan(replace(plan, target=target), backends)
        workers, placement = separate_cores(backends, plan)
        fingerprint = build_fingerprint(workers, placement)
        with open_campaign(path, results, name, plan, fingerprint) as folder:
            on_folder(folder)
            return _compare(plan, request, workers, listener, folder, targets), folder


def _compare(
    plan: Plan,
    request: AbRequest,
    workers: EngineBackends,
    listener: AbListener,
    folder: CampaignFolder,
    targets: Mapping[Side, Target] | None,
) -> AbAnswer:
    """Run the comparison, and write its files, also if it is interrupted; then end what is shown of it."""
    (single,) = workers.values()
    recorder = ComparisonRecorder(listener, folder, plan, request.base, request.head)
    state = CampaignState.INTERRUPTED
    with contextlib.closing(recorder):
        try:
            answer = Comparison(plan, request, single, recorder, folder, targets).run()
            state = CampaignState.COMPLETE
        finally:
            folder.finish(state)
            record = rejudge_ab(folder)
            if record is not None:
                folder.write_reports(render_ab(record))
    return answer


def _check_request(plan: Plan, request: AbRequest) -> None:
    """Raise UsageError if the comparison can't be made of this plan."""
    if len(plan.engines) > 1:
        raise UsageError("the matrix names several engines", "keep the one to compare on")
    if request.users is not None and request.users > plan.users_limit:
        raise UsageError(
            f"{request.users} users are more than the matrix allows ({plan.users_limit})",
            "name fewer with --users, or raise users.limit",
        )


def adapt_targets(plan: Plan) -> Mapping[Side, Target]:
    """Return the target of each side, as the plan's two variants set it."""
    return {side: cell.adapt_target(plan.target) for side, cell in find_sides(plan).items()}


_Started = tuple[AbTest, AbWindows, list[Pair], float]
"""What is compared, how, the pairs so far, and the seconds that all took."""


class Comparison:
    """Two versions that are being compared; without a `folder` nothing is stored.

    `targets` are those of the two sides, if they differ by more than the plan's variants.
    """

    def __init__(
        self,
        plan: Plan,
        request: AbRequest,
        backends: Backends,
        listener: AbListener,
        folder: CampaignFolder | None = None,
        targets: Mapping[Side, Target] | None = None,
    ) -> None:
        self._plan = plan
        self._request = request
        self._backends = backends
        self._listener = listener
        self._folder = folder
        self._cells = find_sides(plan)
        self._targets = targets or adapt_targets(plan)

    def run(self) -> AbAnswer:
        """Hold pairs until the answer is clear or the time is over; return the answer.

        A pilot of the base comes first, unless the folder has one with its pairs.
        """
        images = self._prepare_images()
        holder = WindowHolder(self._plan, self._backends, self._targets, images, self._listener, self._folder)
        resumed = self._read_started(images)
        test, windows, pairs, spent_s = resumed or self._start(holder, images)
        step = build_ab_step(self._plan, test.users, windows)
        started_s = self._backends.clock.now_s() - spent_s
        answer = assess_ab(test, pairs)
        if resumed is not None:
            self._listener.comparison_resumed(pairs, answer)
        while not answer.is_over:
            pair = self._hold_pair(holder, step, len(pairs) + 1, started_s)
            pairs.append(pair)
            answer = assess_ab(test, pairs)
            self._listener.pair_finished(pair, answer)
        return answer

    def _start(self, holder: WindowHolder, images: Mapping[Side, Image]) -> "_Started":
        """Hold the pilot, and log what is compared; return it without a pair."""
        clock = self._backends.clock
        began_s = clock.now_s()
        pilot = holder.hold_pilot(self._cells[Side.BASE], self._request.users)
        test, windows = self._build_test(pilot.users, images), choose_windows(self._plan, pilot)
        if self._folder is not None:
            digests = {side: image.digest for side, image in images.items()}
            add_test(self._folder, test, digests, windows, self._request.users)
        self._listener.pilot_finished(test, pilot)
        return test, windows, [], clock.now_s() - began_s

    def _read_started(self, images: Mapping[Side, Image]) -> "_Started | None":
        """Return the comparison that the folder already has; None if it has none.

        Raises UsageError if an image has changed since.
        """
        stored = read_comparison(self._folder) if self._folder is not None else None
        if self._folder is None or stored is None or stored.windows is None:
            return None
        for side, image in images.items():
            if image.digest != stored.digests[side]:
                raise UsageError(
                    f"the image of the {side} changed since this comparison started",
                    "run with --fresh to compare anew",
                )
        pairs = list(read_pairs(self._folder, stored, self._plan))
        return stored.test, stored.windows, pairs, pairs[-1].ended_s if pairs else 0.0

    def _prepare_images(self) -> Mapping[Side, Image]:
        self._backends.generator.prepare(self._plan.scenario)
        images = {side: self._backends.host.prepare(target) for side, target in self._targets.items()}
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
        base, head = (replace(target, source=ImageSource("")) for target in self._targets.values())
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
