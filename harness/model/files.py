"""Name the files that make a folder a campaign's."""

PLAN_FILE = "plan.json"
EVENTS_FILE = "events.jsonl"
