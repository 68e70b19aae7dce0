"""From matrix.yaml to a Plan: parsed, validated, expanded, fitted to a host. Starts nothing."""

from harness.plan.contents import named_variables, scenario_files
from harness.plan.environment import resolved
from harness.plan.fit import fit
from harness.plan.hashes import content_hashes
from harness.plan.objectives import parse_slo
from harness.plan.read import load_plan
from harness.plan.requirement import parse_price, parse_ratio, parse_requirement
from harness.plan.stored import plan_from_json, plan_to_json

__all__ = [
    "content_hashes",
    "fit",
    "load_plan",
    "named_variables",
    "parse_price",
    "parse_ratio",
    "parse_requirement",
    "parse_slo",
    "plan_from_json",
    "plan_to_json",
    "resolved",
    "scenario_files",
]
