"""Render brief.html: what a manager decides from, on one printed side of A4. It has no script."""

from harness.report.html.page import build_style_policy, load_templates, read_asset
from harness.report.view.brief import build_brief
from harness.report.view.view import View


def render_brief(view: View) -> str:
    """Return the page: the sentence, the matrix, the price, the margin, the growth and the caveats."""
    return (
        load_templates()
        .get_template("brief.html.j2")
        .render(
            view=view,
            brief=build_brief(view),
            style=read_asset("brief.css"),
            policy=build_style_policy("brief.css"),
        )
    )
