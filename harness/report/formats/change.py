"""Write what a change does to a target's capacity, as a comment on a pull request or merge request."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import ChangeVerdict, Check
from harness.report.formats.ab_files import list_ab_table
from harness.report.formats.comparison import ComparisonView, list_markdown_lines
from harness.report.formats.markdown import escape_markdown
from harness.report.formats.sizing_text import describe_check
from harness.report.view.ab import AbView
from harness.report.view.recommendation import write_recommendation
from harness.report.view.text import clean_lines, clean_text
from harness.report.view.view import View

_VERDICTS = {
    ChangeVerdict.NOT_MET: "✗ A requirement is not met.",
    ChangeVerdict.LESS: "▼ It sustains fewer users.",
    ChangeVerdict.INCONCLUSIVE: "? Inconclusive.",
    ChangeVerdict.NEW: "✓ There is nothing to compare it with.",
    ChangeVerdict.SAME: "✓ No difference shown.",
    ChangeVerdict.MORE: "▲ It sustains more users.",
}
_VERDICTS_BY_PAIRS = _VERDICTS | {
    ChangeVerdict.LESS: "▼ It is worse.",
    ChangeVerdict.MORE: "▲ It is better.",
}
_NOISE_OF_PAIRS = (
    "The noise: the interval holds the true change. A version that is as good as its base is called better "
    "or worse in at most 2 % of all comparisons. Base and head were measured in turn with the same users. "
    "What shows only at the capacity, or after hours, is not compared."
)
_NOISE = (
    "The noise: a smaller change than in the column “counts from” may be chance. “At one speed” is the "
    "change without what the host's own speed did between the two measurements."
)


@dataclass(frozen=True, slots=True)
class ChangeView:
    """What a change does, from what is known so far; `base` and `head` name the two commits.

    They were compared by `pairs` of windows, or by two campaigns (`comparison`). `problems` say why something
    has no answer. Without a `verdict` the change was not measured.
    """

    base: str
    head: str
    target: str = ""
    verdict: ChangeVerdict | None = None
    comparison: ComparisonView | None = None
    checks: Sequence[Check] = ()
    answer: View | None = None
    problems: Sequence[str] = ()
    pairs: AbView | None = None


def render_change(view: ChangeView) -> str:
    """Return the comment: verdict, requirements, the comparison with its noise, and the size to take."""
    target, base, head = (escape_markdown(clean_text(each)) for each in (view.target, view.base, view.head))
    heading = f"### Capacity of {target}" if target else "### Capacity"
    words = _VERDICTS_BY_PAIRS if view.pairs else _VERDICTS
    verdict = words[view.verdict] if view.verdict else "This change was not measured."
    compared = view.pairs or view.comparison
    sentence = f" {escape_markdown(compared.sentence)}" if compared else ""
    lines = [
        heading,
        "",
        f"**{verdict}{sentence}**",
        "",
        *(line for problem in view.problems for line in (*_quote(problem), "")),
        *(f"- {escape_markdown(describe_check(check))}" for check in view.checks),
        *([""] if view.checks else []),
        *(_list_comparison_lines(view.comparison) if view.comparison else []),
        *(_list_pairs_lines(view.pairs) if view.pairs else []),
        *([escape_markdown(write_recommendation(view.answer)), ""] if view.answer else []),
        *(_list_warnings(view.answer) if view.answer else []),
        f"Base {base}, head {head}.",
        "",
    ]
    return "\n".join(lines)


def _list_comparison_lines(view: ComparisonView) -> list[str]:
    return [*list_markdown_lines(view), _NOISE, ""]


def _list_pairs_lines(view: AbView) -> list[str]:
    return [f"Compared: {escape_markdown(view.title)}.", "", *list_ab_table(view), _NOISE_OF_PAIRS, ""]


def _list_warnings(view: View) -> list[str]:
    return [line for warning in view.warnings for line in (f"> Warning: {escape_markdown(warning)}", "")]


def _quote(problem: str) -> list[str]:
    """Return a text as a quotation, line by line."""
    return [
        f"> {escape_markdown(line.strip())}  " for line in clean_lines(problem).splitlines() if line.strip()
    ]
