"""Write the size to take for each system, for the page to show and to copy."""

from dataclasses import dataclass

from harness.errors import UsageError
from harness.report.export.systems import SYSTEM_NAMES, System, render_export
from harness.report.view.view import View


@dataclass(frozen=True, slots=True)
class ExportText:
    """A file for one system; `gap` says why there is none, and is empty if there is one."""

    name: str
    text: str = ""
    gap: str = ""


def build_exports(view: View) -> list[ExportText]:
    """Return a file for each system; none while the campaign runs, or without a size to take."""
    if view.deployment is None or view.is_running:
        return []
    exports = []
    for system in System:
        try:
            text = render_export(view.deployment, system, view.campaign)
        except UsageError as error:
            exports.append(ExportText(SYSTEM_NAMES[system], gap=error.what))
        else:
            exports.append(ExportText(SYSTEM_NAMES[system], text))
    return exports
