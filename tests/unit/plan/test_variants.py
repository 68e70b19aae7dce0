"""Variants of the target are an axis of the matrix, and their values follow the size."""

# ruff: noqa: E501 - a message stays one line, as people see it

import json
from dataclasses import replace

import pytest

from harness.model import MIB, Cell, ImageSource, Limits, Plan, Variant
from harness.plan import hash_contents, plan_from_json, plan_to_json
from tests.unit.plan.project import FILES, LoadWith, Project

WORKERS = """variants:
  base: unchanged
  four: {environment: {WORKERS: 4}}
  per-cpu: {environment: {WORKERS: "{2 * cpus + 1}", HEAP: "{floor(memory / MiB / 2)}m"}}
"""


def get_environments(plan: Plan) -> dict[str, dict[str, str]]:
    return {cell.id: dict(cell.variant.environment) for cell in plan.cells if cell.variant is not None}


def test_every_size_is_measured_with_every_variant_one_after_the_other(load_with: LoadWith) -> None:
    plan = load_with(WORKERS)
    sizes = ["c0.50-m64", "c0.50-m128", "c1.00-m64", "c1.00-m128"]
    names = ["base", "four", "per-cpu"]
    assert [cell.id for cell in plan.cells] == [f"web-{size}_{name}" for size in sizes for name in names]
    assert [cell.limits.variant for cell in plan.cells] == names * 4


def test_the_values_of_a_variant_follow_the_size(load_with: LoadWith) -> None:
    environments = get_environments(load_with(WORKERS))
    assert environments["web-c0.50-m64_per-cpu"] == {"WORKERS": "2", "HEAP": "32m"}
    assert environments["web-c1.00-m128_per-cpu"] == {"WORKERS": "3", "HEAP": "64m"}
    assert environments["web-c1.00-m128_four"] == {"WORKERS": "4"}
    assert environments["web-c1.00-m128_base"] == {}


def test_a_variable_that_is_0_at_some_sizes_only_is_noted(load_with: LoadWith) -> None:
    """Half a core has no worker if it is rounded down. A delay of 0 at every size is meant."""
    plan = load_with(
        'variants:\n  down: {environment: {WORKERS: "{floor(cpus)}", DELAY: 0}}\n'
        '  least: {environment: {WORKERS: "{max(1, floor(cpus))}"}}\n'
    )
    (note,) = (each for each in plan.notes if "variants" in each)
    assert note == (
        "variants.down.environment.WORKERS is 0 at 0.50 cores and 64MiB; if that is too little, write max(1, …)"
    )


def test_a_value_that_is_whole_at_some_sizes_only_is_noted(load_with: LoadWith) -> None:
    """Of 3 threads for each core half a core has 1.5. A share of the memory is whole at no size."""
    plan = load_with(
        'variants:\n  many: {command: [serve, "{3 * cpus}"], environment: {SHARE: "{memory / 1000000}"}}\n'
        '  least: {environment: {VERSION: 3.10, THREADS: "{ceil(3 * cpus)}"}}\n'
    )
    (note,) = (each for each in plan.notes if "variants" in each)
    assert note == (
        "variants.many.command: item 2 is 1.5 at 0.50 cores and 64MiB; if it must be whole, write floor(…) or "
        "ceil(…)"
    )


def test_a_variant_replaces_what_it_names_and_leaves_all_else(project: Project) -> None:
    project.write(
        {
            "targets/web/target.yaml": "build: {context: .}\nport: 80\ncommand: [serve]\n"
            'environment: {WORKERS: "1", TOKEN: "${SET}"}\n',
            "matrix.yaml": FILES["matrix.yaml"] + "variants:\n  base: unchanged\n"
            "  next: {image: 'web:2', environment: {WORKERS: 2}}\n"
            '  lean: {command: [serve, "-w{ceil(cpus)}"], entrypoint: []}\n',
        }
    )
    plan = project.load()
    base, after, lean = (cell.adapt_target(plan.target) for cell in plan.cells[:3])
    assert base == plan.target
    assert after.source == ImageSource("web:2")
    assert (after.environment, after.command) == ({"WORKERS": "2", "TOKEN": "${SET}"}, ("serve",))
    assert (lean.source, lean.environment) == (plan.target.source, plan.target.environment)
    assert (lean.command, lean.entrypoint) == (("serve", "-w1"), ())


@pytest.mark.parametrize(
    "value", ["3.10", "007", "0x10", "1_000", "true", "yes", "1e3", "2026-11-26", "-0", "'{{}}'"]
)
def test_a_value_is_taken_as_it_is_written(value: str, load_with: LoadWith) -> None:
    plan = load_with(f"variants: {{a: {{environment: {{K: {value}}}}}}}\n")
    assert get_environments(plan)["web-c0.50-m64_a"] == {"K": value.strip("'").replace("{{}}", "{}")}


def test_variants_repetitions_and_replicas_have_ids_of_their_own(project: Project) -> None:
    project.write(
        {
            "matrix.yaml": "target: targets/web\nlimits: {cpus: 1, memory: 64m, replicas: [1, 2]}\n"
            "variants: {x2: {image: a}, r1: {image: b}, 'a-r1': {image: c}, a: {image: d}}\nrepetitions: 2\n"
        }
    )
    ids = [cell.id for cell in project.load().cells]
    assert len(set(ids)) == len(ids) == 16
    assert ids[:2] == ["web-c1.00-m64_x2-r1", "web-c1.00-m64_r1-r1"]
    assert "web-c1.00-m64-x2_a-r2" in ids


MISTAKES = {
    "{four: }": "variants.four: changes nothing; write environment, command, entrypoint or image, or unchanged",
    "{four: {}}": "variants.four: changes nothing; write",
    "{four: {environment: {}}}": "variants.four: changes nothing; write",
    "{four: {image: 'web:{cpus}'}}": 'variants.four.image: "web:{cpus}" is not an image; write one such as',
    "{four: 4}": "variants.four: 4 is not a mapping; write keys with values, as in {key: value}",
    "{four: {unchanged: true, image: a}}": "variants.four: is unchanged and changes something at once; keep one",
    "{four: {imge: a}}": 'variants.four: unknown key "imge"; did you mean "image"?',
    "{four: {environment: {A: [1]}}}": "variants.four.environment.A: a list is not text",
    "{four: {environment: {A: }}}": 'variants.four.environment.A: has no value; write a text, or ""',
    "{four: {environment: {A=B: x}}}": 'variants.four.environment: "A=B" can\'t name a variable',
    "{four: {command: serve -w 4}}": "variants.four.command: a command is a list, no shell reads it",
    "{four: {environment: {A: '{cpu}'}}}": 'variants.four.environment.A: "{cpu}": cpu is not known; did you mean',
    "{four: {command: [a, '{1 / (cpus - 1)}']}}": (
        'variants.four.command: "{1 / (cpus - 1)}" divides by zero at 1.00 cores and 64MiB'
    ),
    "{four: {environment: {A: '${UNSET}'}}}": "variants.four.environment.A: ${UNSET} is not set in your environment",
    "{a_b: {image: x}}": 'variants: "a_b" can\'t name a variant; write letters, digits and -, a letter or a digit',
    "{'': {image: x}}": 'variants: "" can\'t name a variant',
    "{-a: {image: x}}": 'variants: "-a" can\'t name a variant',
    "{ZGC: {image: x}, zgc: {image: y}}": 'variants.zgc: differs from "ZGC" only in case; write another name',
    "{a: {image: x}, b: {image: x}}": 'variants.b: is the same as "a" at every size; keep one of them',
    "{a: unchanged, b: {environment: {MODE: fast}}}": 'variants.b: is the same as "a" at every size; keep one',
    "{a: {environment: {W: '{cpus * 2}'}}, b: {environment: {W: '{cpus + cpus}'}}}": (
        'variants.b: is the same as "a" at every size; keep one of them'
    ),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_in_variants_is_one_sentence_with_its_place(text: str, project: Project) -> None:
    target = FILES["targets/web/target.yaml"] + "environment: {MODE: fast}\n"
    project.write(
        {"matrix.yaml": f"{FILES['matrix.yaml']}variants: {text}\n", "targets/web/target.yaml": target}
    )
    (mistake,) = project.find_mistakes()
    assert mistake.startswith("matrix.yaml:3:")
    assert MISTAKES[text] in mistake


def test_variants_that_are_the_same_at_some_sizes_only_are_measured(load_with: LoadWith) -> None:
    plan = load_with(
        "variants: {two: {environment: {W: 2}}, per-cpu: {environment: {W: '{ceil(2 * cpus)}'}}}\n"
    )
    assert len(plan.cells) == 8


def test_all_mistakes_of_all_variants_are_reported_at_once(project: Project) -> None:
    project.write(
        {
            "matrix.yaml": FILES["matrix.yaml"]
            + "variants: {a: {environment: {A: '{x}', B: '{'}}, b: {command: ['{y}']}}\n"
        }
    )
    assert len(project.find_mistakes()) == 3


def test_variants_count_for_the_most_cells_that_a_matrix_has(project: Project) -> None:
    cpus = ", ".join(str(number) for number in range(1, 101))
    names = ", ".join(f"v{number}: {{image: 'web:{number}'}}" for number in range(100))
    project.write(
        {
            "matrix.yaml": f"target: targets/web\nlimits: {{cpus: [{cpus}], memory: [64m, 128m]}}\n"
            f"variants: {{{names}}}\n"
        }
    )
    (mistake,) = project.find_mistakes()
    assert mistake == "matrix.yaml:2:9: limits: makes more than 10000 cells; write fewer values"


def test_the_values_of_variants_count_for_the_hash_of_the_matrix_only(load_with: LoadWith) -> None:
    before = load_with("variants: {a: {environment: {W: 2}}}\n").hashes
    same = load_with("variants: {a: {environment: {W: '{1 + 1}'}}}\n").hashes
    after = load_with("variants: {a: {environment: {W: 3}}}\n").hashes
    assert same == before
    assert {key for key in before if before[key] != after[key]} == {"matrix"}


def test_a_plan_with_variants_is_stored_and_read_back(load_with: LoadWith) -> None:
    plan = load_with(WORKERS)
    stored = json.loads(json.dumps(plan_to_json(plan)))
    assert plan_from_json(stored, plan.source.parent) == plan
    assert stored["cells"][1]["variant"]["environment"] == {"WORKERS": "4"}


def test_without_variants_nothing_of_them_is_stored_or_hashed(load_with: LoadWith) -> None:
    plan = load_with("")
    assert "variant" not in json.dumps(plan_to_json(plan))
    cell = replace(plan.cells[0], variant=Variant())
    assert hash_contents(replace(plan, cells=(cell, *plan.cells[1:])))["matrix"] != plan.hashes["matrix"]


def test_a_cell_without_a_variant_runs_the_target_as_it_is(load_with: LoadWith) -> None:
    plan = load_with("")
    assert plan.cells[0].adapt_target(plan.target) is plan.target
    assert hash(Cell("a", "b", Limits(1.0, MIB), variant=Variant({"A": "1"})))
