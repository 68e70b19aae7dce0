"""Name the files by which a folder is recognised as a stored campaign."""

PLAN_FILE = "plan.json"
EVENTS_FILE = "events.jsonl"
