"""Read matrix.yaml into a Plan: parse, validate, expand its cells, fit them to a host. Starts nothing."""

from harness.plan.cli_values import parse_price, parse_ratio, parse_requirement
from harness.plan.content_hashes import hash_build, hash_contents
from harness.plan.dockerignore import list_build_context
from harness.plan.env_refs import resolve_variables
from harness.plan.host_fit import fit_to_host
from harness.plan.loader import load_plan
from harness.plan.serialization import plan_from_json, plan_to_json
from harness.plan.slos import parse_slo
from harness.plan.source_files import find_named_variables, find_scenario_files

__all__ = [
    "find_named_variables",
    "find_scenario_files",
    "fit_to_host",
    "hash_build",
    "hash_contents",
    "list_build_context",
    "load_plan",
    "parse_price",
    "parse_ratio",
    "parse_requirement",
    "parse_slo",
    "plan_from_json",
    "plan_to_json",
    "resolve_variables",
]
