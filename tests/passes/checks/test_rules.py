"""What all checks share: limits, grouping, evidence, who would accept the model, and silence where it was said."""

from __future__ import annotations

import time

import pytest

from modelc.diagnostics.diagnostic import Diagnostic, Sink, finding
from modelc.ir.model import Model
from modelc.pipeline import manager
from modelc.pipeline.passes import Check, PassContext
from modelc.pipeline.registry import PASSES
from modelc.profiles import DEFAULT, NO_RULES, Limit, Profile, profile, profiles
from modelc.text.reader import read_model
from modelc_passes.checks.check_source import SOURCE_CHECKS, CheckSource
from modelc_passes.checks.check_target import TARGET_CHECKS, CheckTarget
from modelc_passes.checks.regions import regions
from modelc_passes.checks.rule import RuleCheck

ALL_CHECKS = (*SOURCE_CHECKS, *TARGET_CHECKS)

FIVE = """graph @main(%x: f32[1, 2, 2, 6]) {
  %a = ge.Unsqueeze(%x) {axes = [0]} : f32[1, 1, 2, 2, 6] loc(tensorflow "net/expand" ExpandDims)
  %b = ge.Relu(%a) : f32[1, 1, 2, 2, 6] loc(tensorflow "net/relu" Relu)
  return %b
}
"""


def findings(pipeline: str, text: str, rules: Profile = NO_RULES, *before: Diagnostic) -> list[Diagnostic]:
    model = read_model(text)
    edits = model.edits
    sink = Sink()
    sink.extend(before)
    for work in manager.parse(pipeline):
        work.run(model, PassContext(sink, rules))
    assert model.edits == edits, "a check must not change the model"
    return [diagnostic for diagnostic in sink if diagnostic not in before]


def test_without_a_profile_the_strictest_limits_hold() -> None:
    assert [d.code for d in findings("five-dimensional-output", FIVE)] == ["MC204"]


def test_a_rule_that_the_profile_lacks_is_no_rule() -> None:
    assert findings("five-dimensional-output", FIVE, Profile("mine", "", {"zero-dimension": Limit()})) == []


def test_limits_come_from_the_profile() -> None:
    rules = Profile("mine", "", {"five-dimensional-output": Limit({"max-rank": 5})})
    assert findings("five-dimensional-output", FIVE, rules) == []


def test_a_finding_is_about_the_source() -> None:
    (diagnostic,) = findings("five-dimensional-output", FIVE)
    assert diagnostic.op == "net/expand"
    assert "`net/expand` (ExpandDims)" in diagnostic.message
    assert dict(diagnostic.evidence) == {
        "ops": "net/expand: f32[1, 2, 2, 6] -> f32[1, 1, 2, 2, 6]",
        "read by": "net/relu (Relu)",
    }


def test_a_finding_names_the_profiles_that_accept_the_model_and_the_flag() -> None:
    (diagnostic,) = findings("five-dimensional-output", FIVE, profile(DEFAULT))
    assert diagnostic.accepted_by == ("cann-5", "cann-8")
    assert diagnostic.fixes[-1].flag == "--profile cann-5"


def test_acceptance_is_computed_for_each_finding() -> None:
    text = "graph @main(%a: f16[2], %b: f64[2], %c: string[2]) {\n  return %a\n}\n"
    accepted = {d.op: d.accepted_by for d in findings("unsupported-input-dtype", text, profile(DEFAULT))}
    assert accepted == {"a": ("cann-5", "cann-8"), "b": ("cann-8",), "c": ()}


def test_warnings_do_not_ask_for_another_profile() -> None:
    text = "graph @main(%x: f32[2]) {\n  %y = ge.FakeQuantWithMinMaxArgs(%x) : f32[2]\n  return %y\n}\n"
    (diagnostic,) = findings("fake-quantization", text, profile(DEFAULT))
    assert not any(fix.flag.startswith("--profile") for fix in diagnostic.fixes)


def test_one_cause_is_one_finding_with_at_most_twenty_names() -> None:
    ops = "".join(f"  %c{i} = tf.Conv3D(%x, %f) {{T = f32}} : f32[*]\n" for i in range(40))
    filters = "  %f = const splat<1.0> : f32[1, 1, 1, 1, 1]\n"
    text = f"graph @main(%x: f32[1, 2, 2, 2, 1]) {{\n{filters}{ops}  return %c39\n}}\n"
    (diagnostic,) = findings("unsupported-conv3d", text)
    assert diagnostic.message.startswith("40 ops like `c0` (Conv3D)")
    shown = dict(diagnostic.evidence)["ops"].split("; ")
    assert shown[0] == "c0: filter f32[1, 1, 1, 1, 1]"
    assert len(shown) == 21
    assert shown[-1] == "and 20 more"
    assert "depth of 1" in diagnostic.fixes[0].text


def test_a_deep_filter_is_not_called_flat() -> None:
    text = (
        "graph @main(%x: f32[1, 2, 2, 2, 1]) {\n  %f = const splat<1.0> : f32[3, 1, 1, 1, 1]\n"
        "  %y = tf.Conv3D(%x, %f) {T = f32} : f32[*]\n  return %y\n}\n"
    )
    (diagnostic,) = findings("unsupported-conv3d", text)
    assert not any("depth of 1" in fix.text for fix in diagnostic.fixes)


@pytest.mark.parametrize("check", ALL_CHECKS, ids=[check.name for check in ALL_CHECKS])
def test_a_check_is_silent_where_its_code_was_given(check: type[RuleCheck]) -> None:
    broken = """graph @main(%x: f64[1, 2, 0, ?, 6], %b: bool[]) {
  %z = const splat<1.0> : f32[4, 2]
  %f = const splat<1> : u8[2, 2]
  %c = tf.Conv3D(%x, %x) {T = f64} : f64[*]
  %m = tf.MatMul(%x, %f) {T = f64} : f64[*]
  %n, %o, %p, %q, %r = tf.FusedBatchNorm(%x, %x, %x, %x, %x) {is_training = true}
    : f32[*], f32[*], f32[*], f32[*], f32[*]
  %g = tf.ReluGrad(%x, %x) {T = f64} : f64[*]
  %h = tf.ReadFile(%x) : string[*]
  %i = tf.AsString(%x) {T = f64} : string[*]
  %j = tf.FakeQuantWithMinMaxArgs(%n) : f32[*]
  %l = tf.L2Loss(%n) {T = f32} : f32[*]
  %s = tf.RandomUniform(%x) : f32[*]
  %t = ge.BNInfer(%z, %z, %z, %z, %z) {epsilon = 0.1} : f32[4, 2]
  %v = ge.Where(%t) : i64[?, 2]
  %w = ge.Unsqueeze(%t) {axes = [0]} : f32[1, 1, 1, 4, 2]
  %y = ge.If(%b, %t) graph @then(%k: f32[4, 2]) {
    return %k
  } graph @else(%k: f32[4, 2]) {
    return %k
  } : f32[4, 2]
  return %c
}
"""
    found = findings(check.name, broken)
    assert {d.code for d in found} == {check.code}
    assert findings(check.name, broken, NO_RULES, finding(check.code, "said before")) == []


def test_the_composites_run_what_the_profile_names() -> None:
    text = "graph @main(%x: i64[1, 1, 1, 1, 1]) {\n  return %x\n}\n"
    strict = findings("check-source", text, profile("modelarts-c32"))
    relaxed = findings("check-source", text, profile("cann-8"))
    assert [d.code for d in strict] == ["MC201", "MC203"]
    assert relaxed == []


def test_the_composites_report_all_rules_at_once() -> None:
    text = """graph @main(%x: f32[1, 2, 2, 6]) {
  %a = ge.Unsqueeze(%x) {axes = [0]} : f32[1, 1, 2, 2, 6]
  %b = ge.Cast(%x) {dst_type = 11} : f64[1, 2, 2, 6]
  %c = ge.Fancy(%x) : f32[0]
  return %a, %b, %c
}
"""
    assert {d.code for d in findings("check-target", text)} == {"MC204", "MC205", "MC211", "MC214"}


def test_every_rule_of_every_profile_is_a_check_and_the_strict_profile_has_all() -> None:
    names = {check.name for check in ALL_CHECKS}
    for rules in profiles().values():
        assert rules.rules.keys() <= names
    assert profile(DEFAULT).rules.keys() == names


def test_checks_are_registered_under_their_names() -> None:
    checks: tuple[type[Check], ...] = (*ALL_CHECKS, CheckSource, CheckTarget)
    for check in checks:
        assert PASSES.get(check.name) is check
        assert check.help().endswith(".")


def test_a_region_is_what_hangs_together() -> None:
    model = read_model("""graph @main(%x: f32[2], %y: f32[2], %n: f32[0]) {
  %a = ge.Slice(%x, %x, %x) : f32[0]
  %b = ge.Slice(%y, %y, %y) : f32[0]
  %c = ge.Relu(%a) : f32[0]
  %d = ge.Add(%b, %n) : f32[0]
  %e = ge.ReduceSum(%c, %x) : f32[]
  return %e, %d
}
""")
    found = regions(model, lambda value: str(value.type) == "f32[0]")
    summary = [([op.name for op in r.roots], [v.name for v in r.inputs], [op.name for op in r.ops]) for r in found]
    assert sorted(summary) == [(["a"], [], ["a", "c", "e"]), (["b"], ["n"], ["b", "d"])]


def chain(count: int) -> Model:
    ops = "".join(f"  %v{i} = ge.Relu(%v{i - 1}) : f64[1, 1, 1, 1, 2]\n" for i in range(1, count))
    return read_model(f"graph @main(%v0: f64[1, 1, 1, 1, 2]) {{\n{ops}  return %v{count - 1}\n}}\n")


def test_checks_take_time_in_proportion_to_the_model() -> None:
    def seconds(model: Model) -> float:
        started = time.perf_counter()
        CheckTarget().run(model, PassContext(Sink(), profile(DEFAULT)))
        return time.perf_counter() - started

    small, large = chain(2_000), chain(16_000)
    seconds(small)
    assert min(seconds(large) for _ in range(3)) < 3 * 8 * min(seconds(small) for _ in range(3))
