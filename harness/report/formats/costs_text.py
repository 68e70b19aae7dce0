"""Write what requests cost for the terminal: a table, with what it stands on."""

from tabulate import tabulate

from harness.report.view.request_costs import RequestCostsView


def render_request_costs(view: RequestCostsView) -> str:
    """Return the title, the answer, the table and the notes."""
    table = tabulate(
        [
            [row.name, row.request_share, row.cpu, row.interval, row.cpu_share, row.remark]
            for row in view.rows
        ],
        headers=["request", "of requests", "CPU time", "95 % interval", "of CPU", ""],
        tablefmt="simple",
        colalign=["left", "right", "right", "right", "right", "left"],
        disable_numparse=True,
    )
    lines = (line.rstrip() for line in table.splitlines())
    return "\n".join((view.title, "", view.answer, "", *lines, "", *view.notes))
