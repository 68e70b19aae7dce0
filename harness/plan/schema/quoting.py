"""Quote values of the user in messages."""

import json
import re


def quote(value: object) -> str:
    """Return a value as the user wrote it, in one line of about 60 characters at most."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def require_match(value: str, pattern: str | re.Pattern[str], fault: str) -> str:
    """Return the value if the whole of it matches; else raise ValueError with the value and the fault."""
    if not re.fullmatch(pattern, value):
        raise ValueError(f"{quote(value)} {fault}")
    return value
