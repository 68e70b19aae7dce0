"""Write what to take as users grow for the terminal: a table, with how far it is measured."""

from tabulate import tabulate

from harness.report.view.growth import GrowthRowView, GrowthView


def render_growth(view: GrowthView | None) -> str:
    """Return the title, the table and the notes; one sentence if no size is known to sustain any users."""
    if view is None:
        return "No size is known to sustain any users, so nothing can be said about more of them."
    return "\n".join((view.title, "", tabulate_rows(view, view.rows), "", *view.notes))


def tabulate_rows(view: GrowthView, rows: tuple[GrowthRowView, ...]) -> str:
    """Return the rows as a table; it has no column of months without a growth."""
    if not rows:
        return "No number of replicas is known to be enough."
    has_months = any(row.month for row in rows)
    headings = ["users", *(["from"] if has_months else []), "take", view.cost_heading.lower(), "known by"]
    return tabulate(
        [[row.users, *([row.month] if has_months else []), row.size, row.cost, row.known_by] for row in rows],
        headers=headings,
        tablefmt="simple",
        colalign=["right", *(["left"] if has_months else []), "left", "right", "left"],
        disable_numparse=True,
    )
