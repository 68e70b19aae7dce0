"""Render the live page of a running campaign: one file whose script asks its server for the state."""

from harness.report.html.page import hash_source, load_templates, read_asset


def render_live_page() -> tuple[bytes, str]:
    """Return the page, and the policy that lets it load nothing but the state from its own server."""
    style, script = read_asset("style.css") + read_asset("live.css"), read_asset("live.js")
    page = load_templates().get_template("live.html.j2").render(style=style, script=script)
    policy = (
        f"default-src 'none'; style-src '{hash_source(style)}'; script-src '{hash_source(script)}'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page.encode(), policy
