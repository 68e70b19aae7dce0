"""Render results/index.html: campaigns, the trend of each size over those of a target, and comparisons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.model import CampaignState, Limits, Status
from harness.model.summaries import ComparisonSummary, SizeSummary, Summary
from harness.report.html.page import build_security_policy, load_templates, read_asset
from harness.report.view import text

_MOST_COLUMNS = 12
"""The newest campaigns of a target are in its table of trends; the list below the tables has all."""

_WIDTH, _HEIGHT, _PADDING = 120.0, 28.0, 4.0


@dataclass(frozen=True, slots=True)
class ComparisonLine:
    """A comparison of two versions in the list: both of them, and with which size and users (`held`)."""

    campaign: str
    target: str
    base: str
    head: str
    held: str
    state: str
    answer: str


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """A campaign in the list."""

    campaign: str
    target: str
    state: str
    answer: str


@dataclass(frozen=True, slots=True)
class Trend:
    """A size over the campaigns of its target, oldest first: its `brackets`, and its users as an SVG `path`.

    `change` compares the last two campaigns that measured this size.
    """

    size: str
    brackets: tuple[str, ...]
    path: str
    change: str


@dataclass(frozen=True, slots=True)
class TargetTrends:
    """The newest campaigns of one target, oldest first."""

    name: str
    campaigns: tuple[str, ...]
    trends: tuple[Trend, ...]


def render_index(summaries: Sequence[Summary], comparisons: Sequence[ComparisonSummary] = ()) -> str:
    """Return the page; `summaries` and `comparisons` start with the oldest campaign."""
    page = load_templates().get_template("index.html.j2")
    return page.render(
        lines=[_build_line(summary) for summary in reversed(summaries)],
        comparisons=[_build_comparison(comparison) for comparison in reversed(comparisons)],
        targets=_build_targets(summaries),
        style=read_asset("style.css"),
        policy=build_security_policy(),
    )


def _build_line(summary: Summary) -> CampaignLine:
    if summary.damage:
        return CampaignLine(text.clean_text(summary.campaign), "", "damaged", text.clean_text(summary.damage))
    return CampaignLine(
        text.clean_text(summary.campaign),
        text.clean_text(summary.target),
        text.clean_text(summary.state),
        _describe_answer(summary),
    )


def _describe_answer(summary: Summary) -> str:
    """Return which size to take, and how many sizes sustain the users; so far if the campaign is not over."""
    if not summary.sizes:
        return "no size has an answer"
    users = text.format_users(summary.users_limit)
    taken = next((size for size in summary.sizes if size.id and size.id == summary.take), None)
    take = "" if taken is None else f"take {text.format_size(taken.limits)} for {users}; "
    count = sum((size.sustained_users or 0) >= summary.users_limit > 0 for size in summary.sizes)
    sustaining = f"{count or 'none'} of {text.format_things(len(summary.sizes), 'size')}"
    sustains = f"sustain{'s' if count <= 1 else ''} {'them' if take else users}"
    so_far = "" if summary.state == CampaignState.COMPLETE else "so far: "
    return f"{so_far}{take}{sustaining} {sustains}"


def _build_comparison(stored: ComparisonSummary) -> ComparisonLine:
    campaign, none = text.clean_text(stored.campaign), text.NO_DATA
    if stored.damage:
        return ComparisonLine(campaign, none, none, none, none, "damaged", text.clean_text(stored.damage))
    return ComparisonLine(
        campaign,
        text.clean_text(stored.target) or none,
        text.clean_text(stored.base),
        text.clean_text(stored.head),
        f"{text.format_size(stored.limits)}, {text.format_users(stored.users)}",
        "complete" if stored.is_over else "not finished",
        text.clean_text(stored.sentence),
    )


def _build_targets(summaries: Sequence[Summary]) -> list[TargetTrends]:
    by_target: dict[str, list[Summary]] = {}
    for summary in summaries:
        if not summary.damage:
            by_target.setdefault(summary.target, []).append(summary)
    return [_build_target(name, each[-_MOST_COLUMNS:]) for name, each in sorted(by_target.items())]


def _build_target(name: str, summaries: Sequence[Summary]) -> TargetTrends:
    answers = [{size.limits: size for size in summary.sizes} for summary in summaries]
    all_limits = sorted({limits for sizes in answers for limits in sizes})
    return TargetTrends(
        name=text.clean_text(name),
        campaigns=tuple(text.clean_text(summary.campaign) for summary in summaries),
        trends=tuple(_build_trend(limits, answers) for limits in all_limits),
    )


def _build_trend(limits: Limits, answers: Sequence[Mapping[Limits, SizeSummary]]) -> Trend:
    sizes = [answer.get(limits) for answer in answers]
    return Trend(
        text.format_size(limits),
        tuple(map(format_stored_bracket, sizes)),
        _draw_path([None if size is None else _get_measured_users(size) for size in sizes]),
        _describe_change([size for size in sizes if size is not None]),
    )


def _get_measured_users(size: SizeSummary) -> int | None:
    """Return the users that a size sustained; None if that is not its answer."""
    return size.sustained_users if size.status in (Status.BRACKETED, Status.CENSORED) else None


def _describe_change(sizes: Sequence[SizeSummary]) -> str:
    """Return how the users of the last two answers for a size differ; a dash if that is not known.

    A size that did not break may sustain more: of the earlier one nothing follows then, of the latest one
    the least change.
    """
    if len(sizes) < 2 or sizes[-2].status != Status.BRACKETED:
        return text.NO_DATA
    before, now = (_get_measured_users(size) for size in sizes[-2:])
    if not before or now is None:
        return text.NO_DATA
    change = text.format_change(now / before - 1)
    if sizes[-1].status == Status.BRACKETED:
        return change
    return f"≥ {change}" if now >= before else text.NO_DATA


def format_stored_bracket(size: SizeSummary | None) -> str:
    """Return what is known of a stored size: `142 – 151`, `≥ 400`, or its status; a dash without a size."""
    if size is None:
        return text.NO_DATA
    sustained, broken = (text.format_count(users) for users in (size.sustained_users, size.broken_users))
    is_inferred = size.status == Status.INFERRED
    if size.sustained_users is not None and size.broken_users is not None:
        return f"{sustained} – {broken}"
    if size.sustained_users is not None and (is_inferred or size.status == Status.CENSORED):
        return f"≥ {sustained}"
    if size.broken_users is not None and is_inferred:
        return f"< {broken}"
    return text.clean_text(size.status)


def _draw_path(users: Sequence[int | None]) -> str:
    """Return an SVG path over the campaigns, on a scale from zero; empty with fewer than two points."""
    points = [(number, value) for number, value in enumerate(users) if value is not None]
    most = max((value for _, value in points), default=0)
    if len(points) < 2 or most == 0:
        return ""
    spacing = (_WIDTH - 2 * _PADDING) / (len(users) - 1)
    scale = (_HEIGHT - 2 * _PADDING) / most
    places = [
        f"{_PADDING + number * spacing:.1f},{_HEIGHT - _PADDING - scale * value:.1f}"
        for number, value in points
    ]
    return "M" + " L".join(places)
