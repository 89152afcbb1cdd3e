"""Memory plans: no two live buffers overlap, and what views, nested graphs and unknown shapes do."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.compiler.analysis.networks import resnet50

from modelc.analysis.memory import ALIGNMENT, Buffer, MemoryPlan, aligned, most_live, place, plan_memory
from modelc.text.reader import read_model

STEPS = 12


@st.composite
def lifetimes(draw: st.DrawFn) -> list[Buffer]:
    """Return buffers as a plan takes them: sorted by start, aligned."""
    found = []
    for index in range(draw(st.integers(0, 25))):
        start = draw(st.integers(0, STEPS))
        end = draw(st.integers(start, STEPS))
        found.append(Buffer(str(index), ALIGNMENT * draw(st.integers(1, 9)), start, end))
    return sorted(found, key=lambda buffer: (buffer.start, -buffer.size))


def overlaps(a: Buffer, b: Buffer) -> bool:
    in_time = a.start <= b.end and b.start <= a.end
    in_space = a.offset < b.offset + b.size and b.offset < a.offset + a.size
    return in_time and in_space


@settings(deadline=None, max_examples=400)
@given(lifetimes())
def test_no_two_live_buffers_overlap(buffers: list[Buffer]) -> None:
    placed = place(buffers)
    assert [(b.name, b.size, b.start, b.end) for b in placed] == [(b.name, b.size, b.start, b.end) for b in buffers]
    assert not [pair for pair in combinations(placed, 2) if overlaps(*pair)]
    assert all(buffer.offset % ALIGNMENT == 0 for buffer in placed)


@settings(deadline=None)
@given(lifetimes())
def test_a_plan_lies_between_what_is_live_and_all_together(buffers: list[Buffer]) -> None:
    peak = max((buffer.offset + buffer.size for buffer in place(buffers)), default=0)
    live = [sum(b.size for b in buffers if b.start <= step <= b.end) for step in range(STEPS + 1)]
    least, at = most_live(buffers)
    assert least == max(live)
    assert live[at] == least
    assert least <= peak <= sum(buffer.size for buffer in buffers)


def test_buffers_of_one_size_are_reused_without_loss() -> None:
    buffers = [Buffer(str(step), 1024, step, step + 1) for step in range(100)]
    assert max(buffer.offset + buffer.size for buffer in place(buffers)) == 2048


def test_the_smallest_gap_that_fits_is_taken() -> None:
    held = [Buffer("large", 4096, 0, 1), Buffer("a", 512, 0, 9), Buffer("small", 1024, 0, 1), Buffer("b", 512, 0, 9)]
    placed = {buffer.name: buffer for buffer in place([*held, Buffer("new", 1024, 2, 3)])}
    assert placed["new"].offset == placed["small"].offset


def plan(text: str) -> MemoryPlan:
    return plan_memory(read_model(text).graph)


def sizes(plan: MemoryPlan) -> Sequence[tuple[str, int, int, int]]:
    return [(buffer.name, buffer.size, buffer.start, buffer.end) for buffer in plan.buffers]


def test_views_need_no_memory_and_keep_what_they_view_alive() -> None:
    found = plan("""graph @main(%x: f32[256]) {
  %a = ge.Relu(%x) : f32[256]
  %shape = const dense<[16, 16]> : i32[2]
  %view = ge.Reshape(%a, %shape) : f32[16, 16]
  %b = ge.Neg(%x) : f32[256]
  %c = ge.Exp(%view) : f32[16, 16]
  return %b, %c
}
""")
    assert sizes(found) == [("x", 1024, 0, 3), ("a", 1024, 1, 4), ("b", 1024, 3, 5), ("c", 1024, 4, 5)]
    assert (found.peak, found.least, found.total) == (3072, 3072, 4096)
    assert found.least_at == "b"


def test_what_nobody_reads_needs_memory_while_it_is_computed() -> None:
    found = plan("""graph @main(%x: f32[256]) {
  %a, %b = ge.TopKV2(%x, %x) : f32[256], i32[128]
  return %a
}
""")
    assert sizes(found) == [("x", 1024, 0, 1), ("a", 1024, 1, 2), ("b", 512, 1, 1)]


def test_a_nested_graph_needs_its_memory_while_its_op_is_executed() -> None:
    found = plan("""graph @main(%c: bool[], %x: f32[256]) {
  %y = ge.If(%c, %x) graph @then_branch(%a: f32[256]) {
    %exp = ge.Exp(%a) : f32[256]
    %neg = ge.Neg(%exp) : f32[256]
    return %neg
  } graph @else_branch(%b: f32[256]) {
    return %b
  } : f32[256]
  return %y
}
""")
    assert ("y (inside)", 2048, 1, 1) in sizes(found)


def test_values_of_unknown_size_are_left_out_and_counted() -> None:
    found = plan("graph @main(%x: f32[?]) {\n  %y = ge.Relu(%x) : f32[?]\n  return %y\n}\n")
    assert (found.unknown, found.peak) == (2, 0)


def test_an_empty_tensor_needs_nothing() -> None:
    found = plan("graph @main(%x: f32[0]) {\n  %y = ge.Relu(%x) : f32[0]\n  return %y\n}\n")
    assert (found.buffers, found.unknown) == ((), 0)


def test_sizes_are_aligned() -> None:
    assert [aligned(size) for size in (0, 1, 512, 513)] == [0, 512, 512, 1024]


def test_the_plan_of_a_network_holds() -> None:
    found = plan_memory(resnet50()[0])
    assert not [pair for pair in combinations(found.buffers, 2) if overlaps(*pair)]
    assert found.least <= found.peak < 1.2 * found.least
    assert found.peak < found.total / 8
