"""The campaign's checks on itself in words: drift, breaches of monotonicity, repetitions."""

from collections.abc import Iterator

from harness.model import Agreement, CampaignResult, CellResult, Drift, Verdict
from harness.report.view import cell_text, text
from harness.report.view.fact import Fact


def checks(result: CampaignResult) -> tuple[Fact, ...]:
    """The lines of the trust section; none for a check that was not made."""
    return (
        *_engines_fact(result),
        *_drift_fact(result.drift),
        *map(_alike_fact, result.others),
        *_breach_facts(result),
        *map(_agreement_fact, result.agreements),
    )


def warnings(result: CampaignResult) -> tuple[str, ...]:
    """Sentences that nobody who uses the numbers should miss."""
    drifted = result.drift is not None and result.drift.is_marked
    below = (
        f"{text.size(cell.cell.limits)} {cell_text.breach(cell)}: one of the two is wrong."
        for cell in result.cells
        if cell.breach is not None
    )
    wide = (
        f"{text.size(cell.cell.limits)} {cell_text.bracket(cell)} is {cell_text.wide(cell)}."
        for cell in result.cells
        if cell.cut_short
    )
    unlike = (likeness(each) for each in result.others if each.is_marked)
    return (*([drift_sentence(result.drift)] if drifted and result.drift else []), *unlike, *below, *wide)


def drift_sentence(drift: Drift) -> str:
    """What a drift means, or that there was none."""
    held = f"{text.size(drift.cell.limits)} at {text.count(drift.users)} users, held once more at the end,"
    changes = _changes(drift)
    if drift.verdict is Verdict.INVALID:
        return f"Whether the host drifted is not known: {held} was spoiled ({text.inert(drift.reason)})."
    if not drift.is_marked and drift.verdict is Verdict.FAIL:
        return (
            f"{held} failed narrowly this time ({text.inert(drift.reason)}), at the very edge of what it "
            f"sustains; the host was what it had been: {changes}."
        )
    if not drift.is_marked:
        return f"{held} was what it had been: {changes}."
    failed = f" failed ({text.inert(drift.reason)})" if drift.verdict is Verdict.FAIL else " still passed"
    said = f"{held}{failed}{': ' + changes if changes else ''}"
    ratio, allowed = text.known(drift.cpu_per_request_ratio), drift.allowed_ratio or 0.0
    if ratio is None or abs(ratio) <= allowed:
        return f"Not confirmed: {said}. It may be the very edge of what it sustains, or the host slowed down."
    late = "smaller" if ratio > 0 else "larger"
    return (
        f"The campaign drifted: {said}. Up to {text.percent(allowed)} of CPU per request passes for chance. "
        f"What was measured late may look {late} than it is; nothing was corrected. "
        "Measure again on a quieter host."
    )


def likeness(other: Drift) -> str:
    """Whether an engine measures what the reference cell's engine does, by that very cell held on both."""
    engine, against = text.inert(other.engine), text.inert(other.against)
    held = f"{text.size(other.cell.limits)} at {text.count(other.users)} users on {engine}"
    changes, reason = _changes(other), text.inert(other.reason)
    if other.verdict is Verdict.INVALID:
        return f"Whether {engine} is like {against} is not known: {held} was spoiled ({reason})."
    if not other.is_marked:
        return f"{engine} is like {against}: {held} against the same on {against}: {changes}."
    failed = f" failed ({reason})" if other.verdict is Verdict.FAIL else " passed"
    return (
        f"The engines are not alike: {held}{failed}{': ' + changes if changes else ''} against {against}. "
        "Sizes measured on different engines do not compare; nothing was corrected."
    )


def _engines_fact(result: CampaignResult) -> Iterator[Fact]:
    """Which engine measured what, where there are several."""
    if not result.engines:
        return
    done = {
        engine: [text.size(cell.cell.limits) for cell in result.cells if cell.engine == engine]
        for engine in result.engines
    }
    said = "; ".join(f"{text.inert(engine)}: {', '.join(sizes)}" for engine, sizes in done.items())
    yield Fact("Engines", text.count(len(result.engines)), said)


def _alike_fact(other: Drift) -> Fact:
    known = text.known(other.cpu_per_request_ratio)
    value = "not known" if other.verdict is Verdict.INVALID else "unlike" if other.is_marked else "alike"
    shown = value if known is None else f"{value} ({signed(known)})"
    return Fact(f"{text.inert(other.engine)} against {text.inert(other.against)}", shown, likeness(other))


def _changes(drift: Drift) -> str:
    """`CPU per request +12 %, RPS -0.3 %, p95 +40 %`, as far as known."""
    ratios = (
        ("CPU per request", drift.cpu_per_request_ratio),
        ("RPS", drift.rps_ratio),
        ("p95", drift.p95_ratio),
    )
    return ", ".join(f"{name} {signed(ratio)}" for name, ratio in ratios if text.known(ratio) is not None)


def signed(ratio: float | None) -> str:
    """`+12 %`, `-0.3 %`; the sign is there also where it is plus."""
    said = text.percent(ratio)
    return f"+{said}" if ratio is not None and ratio > 0 else said


def _drift_fact(drift: Drift | None) -> Iterator[Fact]:
    if drift is None:
        return
    known = text.known(drift.cpu_per_request_ratio)
    value = "not known" if drift.verdict is Verdict.INVALID else "yes" if drift.is_marked else "none"
    yield Fact("Drift", value if known is None else f"{value} ({signed(known)})", drift_sentence(drift))


def _breach_facts(result: CampaignResult) -> Iterator[Fact]:
    """Cells that were measured twice, that lie below a smaller one, or whose bracket is too wide."""
    for cell in result.cells:
        if remark := cell_text.remark(cell):
            value = "flagged" if cell.breach else "measured twice" if cell.first else "wide"
            yield Fact(text.size(cell.cell.limits), value, remark)


def _agreement_fact(agreement: Agreement) -> Fact:
    side_by_side = "; ".join(cell_text.bracket(cell) for cell in agreement.cells)
    return Fact(
        f"{len(agreement.cells)} repetitions of {text.size(agreement.limits)}",
        "no spread"
        if agreement.spread_ratio is None
        else f"agree within {text.percent(agreement.spread_ratio)}",
        f"{side_by_side}; the spread is the coefficient of variation of their estimates, none is pooled",
    )


def spread(result: CampaignResult, cell: CellResult) -> str:
    """How far the repetitions of a cell's size agree; empty where it was measured once."""
    found = [each for each in result.agreements if each.limits == cell.cell.limits]
    return text.percent(found[0].spread_ratio) if found else ""
