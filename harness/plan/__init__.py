"""From matrix.yaml to a Plan: parsed, validated, expanded, fitted to a host. Starts nothing."""

from harness.plan.cli_values import parse_price, parse_ratio, parse_requirement
from harness.plan.content_hashes import content_hashes
from harness.plan.env_refs import resolved
from harness.plan.host_fit import fit
from harness.plan.loader import load_plan
from harness.plan.serialization import plan_from_json, plan_to_json
from harness.plan.slos import parse_slo
from harness.plan.source_files import named_variables, scenario_files

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
