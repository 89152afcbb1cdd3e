"""The memory that activations need: when each buffer is live, and where it lies.

Buffers are laid out in the order in which they come to life, each into the smallest gap that takes it (best fit); what
dies gives its place back, joined with the gaps beside it. Ops that only view their operand need no buffer of their own.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from modelc.analysis.views import viewed
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import TensorType

ALIGNMENT: Final = 512  # bytes; as devices align blocks


@dataclass(frozen=True, slots=True)
class Buffer:
    """One piece of memory.

    Attributes:
        name: The value that it holds first.
        size: Bytes, a multiple of `ALIGNMENT`.
        start: The first step at which it is needed.
        end: The last one.
        offset: Where it lies.
    """

    name: str
    size: int
    start: int
    end: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Where all buffers of a graph lie.

    Attributes:
        buffers: The buffers, in the order in which they come to life.
        peak: Bytes that the plan needs.
        least: Bytes that are live at once at the worst step: no plan needs fewer.
        least_at: The name of the op of that step.
        total: Bytes without any reuse.
        unknown: How many values were left out, because their size is not known.
    """

    buffers: tuple[Buffer, ...] = ()
    peak: int = 0
    least: int = 0
    least_at: str = ""
    total: int = 0
    unknown: int = 0


def plan_memory(graph: Graph) -> MemoryPlan:
    """Return a plan for the activations of `graph`; nearly linear in its size.

    Inputs are live from the beginning, outputs to the end. A nested graph needs its memory while its op is executed,
    besides its inputs, which are operands of the op; of several the one that needs most counts.
    """
    nested: dict[Graph, MemoryPlan] = {}
    for each in reversed(list(graph.walk())):  # innermost first
        nested[each] = _plan(each, nested)
    return nested[graph]


def _plan(graph: Graph, nested: Mapping[Graph, MemoryPlan]) -> MemoryPlan:
    steps = [op for op in graph if op.kind != "const"]
    found = _Lifetimes(steps, nested, is_nested=graph.owner is not None)
    buffers = place(found.buffers())
    least, at = most_live(buffers)
    return MemoryPlan(
        tuple(buffers),
        max((buffer.offset + buffer.size for buffer in buffers), default=0),
        least,
        (steps[at].origin.name or steps[at].name) if steps else "",
        sum(buffer.size for buffer in buffers),
        found.unknown,
    )


@dataclass(slots=True)
class _Live:
    """A buffer while its last use is not known yet."""

    name: str
    size: int
    start: int
    end: int


class _Lifetimes:
    """When each value of a graph is live."""

    def __init__(self, steps: Sequence[Op], nested: Mapping[Graph, MemoryPlan], *, is_nested: bool) -> None:
        self.unknown = 0
        self._live: list[_Live] = []
        self._of: dict[Value, _Live] = {}
        for step, op in enumerate(steps):
            self._use(op, step)
            if not (is_nested and op.kind == "input"):
                self._define(op, step)
            inner = max((nested[graph].peak for graph in op.graphs), default=0)
            if inner:
                self._live.append(_Live(f"{op.name} (inside)", inner, step, step))

    def buffers(self) -> list[Buffer]:
        """Return the buffers in the order in which they come to life, larger ones first."""
        found = [Buffer(live.name, live.size, live.start, live.end) for live in self._live]
        return sorted(found, key=lambda buffer: (buffer.start, -buffer.size))

    def _use(self, op: Op, step: int) -> None:
        for value in op.operands:
            if value in self._of:
                self._of[value].end = step

    def _define(self, op: Op, step: int) -> None:
        for index, value in enumerate(op.results):
            base = viewed(op, index)
            if base is not None:
                if base in self._of:
                    self._of[value] = self._of[base]
            elif isinstance(value.type, TensorType):
                self._add(value, step)

    def _add(self, value: Value, step: int) -> None:
        try:
            size = aligned(value.tensor.nbytes)
        except ValueError:
            self.unknown += 1
            return
        if size:
            live = _Live(value.name or value.producer.name, size, step, step)
            self._live.append(live)
            self._of[value] = live


def aligned(size: int) -> int:
    """Return `size` rounded up to a multiple of `ALIGNMENT`."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def most_live(buffers: Iterable[Buffer]) -> tuple[int, int]:
    """Return how many bytes are live at once at the worst step, and which step that is."""
    changes: dict[int, int] = {}
    for buffer in buffers:
        changes[buffer.start] = changes.get(buffer.start, 0) + buffer.size
        changes[buffer.end + 1] = changes.get(buffer.end + 1, 0) - buffer.size
    live = most = at = 0
    for step in sorted(changes):
        live += changes[step]
        if live > most:
            most, at = live, step
    return most, at


# -- best fit


def place(buffers: Sequence[Buffer]) -> list[Buffer]:
    """Return `buffers`, which are sorted by their start, with offsets: no two overlap that are live at one step."""
    arena = _Arena()
    dying: list[tuple[int, int, int]] = []  # (end, offset, size) of what is live
    placed = []
    for buffer in buffers:
        while dying and dying[0][0] < buffer.start:
            _, offset, size = heapq.heappop(dying)
            arena.release(offset, size)
        offset = arena.take(buffer.size)
        heapq.heappush(dying, (buffer.end, offset, buffer.size))
        placed.append(replace(buffer, offset=offset))
    return placed


@dataclass(slots=True)
class _Arena:
    """Gaps in memory; beyond `top` all is free.

    Attributes:
        top: The end of the last buffer.
        by_size: The gaps as (size, offset), sorted.
        size_at: Their size by offset.
        offset_before: Their offset by end.
    """

    top: int = 0
    by_size: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    size_at: dict[int, int] = field(default_factory=dict[int, int])
    offset_before: dict[int, int] = field(default_factory=dict[int, int])

    def take(self, size: int) -> int:
        """Return where `size` bytes go, and take them."""
        index = bisect_left(self.by_size, (size, 0))
        if index == len(self.by_size):
            offset = self.top
            self.top += size
            return offset
        found, offset = self.by_size[index]
        self._remove(offset)
        if found > size:
            self._add(offset + size, found - size)
        return offset

    def release(self, offset: int, size: int) -> None:
        """Give `size` bytes at `offset` back."""
        if offset + size in self.size_at:
            size += self._remove(offset + size)
        if offset in self.offset_before:
            before = self.offset_before[offset]
            size += self._remove(before)
            offset = before
        if offset + size == self.top:
            self.top = offset
        else:
            self._add(offset, size)

    def _add(self, offset: int, size: int) -> None:
        insort(self.by_size, (size, offset))
        self.size_at[offset] = size
        self.offset_before[offset + size] = offset

    def _remove(self, offset: int) -> int:
        size = self.size_at.pop(offset)
        del self.offset_before[offset + size]
        del self.by_size[bisect_left(self.by_size, (size, offset))]
        return size
