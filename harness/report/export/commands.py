"""Say what a container runs where a system, unlike Docker, takes an empty list for the image's own words."""

from harness.model.deployment import Service

Words = tuple[str, ...]


def choose_words(service: Service) -> tuple[Words, Words]:
    """Return what replaces the image's ENTRYPOINT, and what replaces its CMD; empty for the image's own.

    Without an ENTRYPOINT the command itself is what runs.
    """
    entrypoint, command = service.entrypoint, service.command or ()
    return (command, ()) if entrypoint == () else (entrypoint or (), command)


def find_cleared(service: Service) -> str:
    """Return which of the image's words can't be left out without knowing the others; empty if all can."""
    if service.entrypoint == () and not service.command:
        return "measured without the image's ENTRYPOINT: write the words of its CMD here"
    if service.entrypoint is None and service.command == ():
        return "measured without the image's CMD: write the words of its ENTRYPOINT here"
    return ""
