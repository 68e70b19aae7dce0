"""Hold steps at the certified users in fresh containers, on engines that are cleaned as for a campaign."""

from collections.abc import Callable
from dataclasses import replace

from bench.holds.campaign import Certificate, HeldCampaign
from harness.campaign.preflight import (
    EngineBackends,
    check_plan,
    clean_engines,
    connect_backends,
    separate_cores,
)
from harness.campaign.step_spec import build_step_spec
from harness.errors import TargetStartError
from harness.measure.protocols import Image
from harness.measure.session import Backends, open_session
from harness.measure.step import ProgressSample, hold_step
from harness.model import Plan, StepFacts
from harness.report.view.explanations import explain_judgement
from harness.report.view.text import clean_text, format_estimate


def hold_certified(
    campaign: HeldCampaign,
    note: Callable[[str], None],
    connect: Callable[[str, Plan], EngineBackends] = connect_backends,
) -> None:
    """Hold every certificate that has no stored verdict yet, one after the other, and store the steps.

    A size whose container does not start is noted, and the next one follows.

    Raises:
        UsageError: the plan cannot be measured here.
        BackendError: an engine, a companion or the generator failed; what was held is stored.
    """
    left = [each for each in campaign.certificates if not _is_known(campaign, each, note)]
    if not left:
        return
    backends = connect(f"{campaign.folder.name}-holds", campaign.plan)
    plan = check_plan(campaign.plan, backends)
    backends, _ = separate_cores(backends, plan)
    seconds = len(left) * (campaign.window_s + plan.timing.settle_s)
    note(f"{len(left)} sizes to hold, about {format_estimate(seconds)} in all")
    with clean_engines(backends, campaign.folder.path.parent, note):
        images = _prepare_images(campaign, plan, backends, note)
        for certificate in left:
            _hold_size(campaign, certificate, backends[certificate.engine], images[certificate.engine], note)


def _is_known(campaign: HeldCampaign, certificate: Certificate, note: Callable[[str], None]) -> bool:
    hold = campaign.find_hold(certificate)
    if hold is None or campaign.find_next(certificate) is not None:
        return False
    note(
        f"{certificate.cell.id}: held before ({hold.result.verdict}); remove {campaign.out} to hold it again"
    )
    return True


def _prepare_images(
    campaign: HeldCampaign, plan: Plan, backends: EngineBackends, note: Callable[[str], None]
) -> dict[str | None, Image]:
    """Build or find the target's image on every engine; note if it is not the one that was measured."""
    images = {}
    digests = campaign.folder.read_log().images
    for engine, each in backends.items():
        images[engine] = each.host.prepare(plan.target)
        each.generator.prepare(plan.scenario)
        if digests.get(engine, images[engine].digest) != images[engine].digest:
            note(f"warning: the image {images[engine].reference} is not the one that the campaign measured")
    return images


def _hold_size(
    campaign: HeldCampaign,
    certificate: Certificate,
    backends: Backends,
    image: Image,
    note: Callable[[str], None],
) -> None:
    """Hold one size until nothing is left to hold, and note what became of it."""
    while (current := campaign.find_next(certificate)) is not None:
        before = campaign.find_hold(current)
        number = before.tries + 1 if before else 1
        note(f"{current.cell.id}: holding {current.users} users for {campaign.window_s / 60:g} min")
        try:
            facts = _hold_step(campaign, current, backends, image, number)
        except TargetStartError as error:
            note(f"{current.cell.id}: {clean_text(error)}")
            return
        hold = campaign.add_step(current, facts)
        note(f"  {hold.result.verdict}: {clean_text(explain_judgement(hold.result.judgement))}")


def _hold_step(
    campaign: HeldCampaign, certificate: Certificate, backends: Backends, image: Image, number: int
) -> StepFacts:
    """Hold the certified users in a fresh container, for the whole window."""
    plan, cell, step = campaign.plan, certificate.cell, campaign.build_step(certificate)
    spec = build_step_spec(plan, step, number, certificate.baseline, cell.limits, _ignore_progress)
    spec = replace(spec, is_settled=lambda facts: False, is_steady=None)
    load = campaign.choose_load()
    with open_session(backends, plan.target, plan.scenario, load, cell, image, number) as session:
        return hold_step(session, spec)


def _ignore_progress(sample: ProgressSample) -> None:
    pass
