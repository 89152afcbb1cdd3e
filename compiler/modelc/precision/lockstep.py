"""The model in float32 and in fewer bits, run in step: what each op loses, and where that begins.

Only the values that somebody still reads are held, twice; of all others numbers like these remain:

* the error of a value is `rms(narrow - wide) / rms(wide)` over its elements, infinite where a finite one got lost;
* what an op adds is the error of its results against those it gives, in float32, for the very operands it had.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc.dialects.ge.run import RunError, steps
from modelc.execute.evaluator import checked, failure, obstacles
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import CONTROL
from modelc.precision.emulation import Emulation, Rounded
from modelc.precision.plan import Plan

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = Sequence[Array]


@dataclass(slots=True)
class Loss:
    """What one op loses in fewer bits, over all its executions.

    Attributes:
        op: The op.
        least: The least number it computed, before rounding.
        most: The greatest.
        count: How many numbers it gave.
        nonzero: How many of them were not zero before rounding.
        overflowed: How many finite numbers became infinite, results and operands.
        first_overflow: Where the first of these is in its result (or operand), None where there is none.
        underflowed: How many results became zero by rounding.
        added: The error it adds.
        error: The error of its results; that of ops in nested graphs is not known and stays 0.
        carried: The greatest error of its operands, likewise.
    """

    op: Op
    least: float = math.inf
    most: float = -math.inf
    count: int = 0
    nonzero: int = 0
    overflowed: int = 0
    first_overflow: tuple[int, ...] | None = None
    underflowed: int = 0
    added: float = 0.0
    error: float = 0.0
    carried: float = 0.0

    @property
    def underflow(self) -> float:
        """The share of results that became zero by rounding."""
        return self.underflowed / self.nonzero if self.nonzero else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Lockstep:
    """What came out of two runs in step.

    Attributes:
        losses: What each op loses that computes in fewer bits, in order of execution.
        errors: The error of each float32 value of the entry graph.
        peaks: The greatest finite magnitude in each of them, in float32.
        wide: The outputs in float32, by public name.
        narrow: The outputs in fewer bits.
    """

    losses: dict[Op, Loss] = field(default_factory=dict[Op, Loss])
    errors: dict[Value, float] = field(default_factory=dict[Value, float])
    peaks: dict[Value, float] = field(default_factory=dict[Value, float])
    wide: dict[str, Array] = field(default_factory=dict[str, Array])
    narrow: dict[str, Array] = field(default_factory=dict[str, Array])

    def observe(self, op: Op, wide: Arrays, narrow: Arrays) -> None:
        """Note how the results of `op` differ."""
        for value, a, b in zip((v for v in op.results if v.type is not CONTROL), wide, narrow, strict=True):
            if a.dtype == np.float32:
                self.errors[value] = 0.0 if op.kind == "const" else error_of(a, b)
                self.peaks[value] = max(map(abs, _ends(a)), default=0.0)
        if op in self.losses:
            loss = self.losses[op]
            loss.error = max((self.errors.get(value, 0.0) for value in op.results), default=0.0)
            loss.carried = max((self.errors.get(value, 0.0) for value in op.operands), default=0.0)

    def watch(self, rounded: Rounded) -> None:
        """Note what rounding did to one op."""
        loss = self.losses.setdefault(rounded.op, Loss(rounded.op))
        for wide, narrow in (*zip(rounded.computed, rounded.results, strict=True), *_entering(rounded)):
            _note_overflow(loss, wide, narrow)
        for wide, narrow in zip(rounded.computed, rounded.results, strict=True):
            _note_results(loss, wide, narrow)
        errors = (error_of(a, b) for a, b in zip(rounded.exact(), rounded.results, strict=True))
        loss.added = max(loss.added, *errors, 0.0)


def run_in_step(graph: Graph, inputs: Mapping[str, Array], plan: Plan) -> Lockstep:
    """Execute `graph` in float32 and as `plan` says, op by op.

    Args:
        graph: A graph of the canonical dialect.
        inputs: One array per input, by public name.
        plan: What becomes of its ops.

    Raises:
        ModelcError: The inputs do not fit, there are ops that cannot be executed here, or one failed.
    """
    arrays, found = checked(graph, inputs, obstacles(graph)), Lockstep()
    wide = steps(graph, arrays)
    narrow = steps(graph, arrays, execute=Emulation(plan, found.watch).execute)
    try:
        for (op, a), (_, b) in zip(wide, narrow, strict=True):
            if op.kind == "return":
                found.wide.update(zip(graph.output_names, a, strict=True))
                found.narrow.update(zip(graph.output_names, b, strict=True))
            else:
                found.observe(op, a, b)
    except RunError as error:
        raise failure(error) from error
    return found


def error_of(wide: Array, narrow: Array) -> float:
    """Return the error of `narrow`, as the module defines it; 0 where these are no float32 numbers."""
    if wide.dtype != np.float32 or wide is narrow:
        return 0.0
    with np.errstate(all="ignore"):
        finite = np.isfinite(wide)
        if not finite.all():
            wide, narrow = wide[finite], narrow[finite]
        if wide.shape != narrow.shape or not np.isfinite(narrow).all():
            return math.inf
        difference, size = _rms(narrow - wide), _rms(wide)
    return difference / size if size else math.inf if difference else 0.0


def _rms(array: Array) -> float:
    return float(np.sqrt(np.mean(np.square(array, dtype=np.float64)))) if array.size else 0.0


def _ends(array: Array) -> tuple[float, ...]:
    """Return the least and the greatest finite number, nothing where there is none."""
    if not array.size:
        return ()
    least, most = float(array.min()), float(array.max())
    if math.isfinite(least) and math.isfinite(most):
        return least, most
    return _ends(array[np.isfinite(array)])


def _entering(rounded: Rounded) -> list[tuple[Array, Array]]:
    pairs = zip(rounded.operands, rounded.taken, strict=True)
    return [(wide, narrow) for wide, narrow in pairs if wide is not narrow]


def _note_overflow(loss: Loss, wide: Array, narrow: Array) -> None:
    if wide is narrow or wide.dtype != np.float32:
        return
    lost = np.isinf(narrow) & np.isfinite(wide)
    count = int(np.count_nonzero(lost))
    if count and loss.first_overflow is None:
        loss.first_overflow = tuple(int(index) for index in np.unravel_index(int(np.argmax(lost)), lost.shape))
    loss.overflowed += count


def _note_results(loss: Loss, wide: Array, narrow: Array) -> None:
    if wide.dtype != np.float32:
        return
    ends = _ends(wide)
    loss.least, loss.most = min((loss.least, *ends)), max((loss.most, *ends))
    loss.count += wide.size
    loss.nonzero += int(np.count_nonzero(wide))
    loss.underflowed += int(np.count_nonzero((wide != 0) & (narrow == 0)))
