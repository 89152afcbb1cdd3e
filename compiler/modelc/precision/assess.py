"""What a model loses under a precision mode, and what to keep in float32 so that it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeAlias

from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Diagnostic
from modelc.execute.compare import TOLERANCES, OutputComparison, Tolerances, compare
from modelc.execute.execution import Execution
from modelc.execute.numpy_engine import ENGINE
from modelc.ir.graph import Graph
from modelc.ir.op import Op
from modelc.kernels import kernel_table
from modelc.precision.emulation import emulate
from modelc.precision.keep_list import lines_of, matching, read_keep_list, unmatched
from modelc.precision.lockstep import Lockstep, Loss, run_in_step
from modelc.precision.mix_lists import changed
from modelc.precision.modes import mode as mode_called
from modelc.precision.modes import op_lists
from modelc.precision.plan import Kernels, Plan, make_plan
from modelc.precision.search import RUNS, Order, Search, ranked, search

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = Mapping[str, Array]

LOSS = 1e-2  # an error above it is named
UNDERFLOW = 0.5  # a share of results that become zero, above which it is named
_ROUNDS: Final = 4  # times that ops which only then overflow are added to those that do


@dataclass(frozen=True, slots=True)
class Request:
    """What to emulate.

    Attributes:
        mode: Name of a precision mode, as atc spells it.
        keep: A list of ops that keep their types, None for none.
        soc: Name of the chip, empty for any.
        kernels: A file with kernels to lay over the built-in table.
        mix_list: A file with changes to the lists of mixed precision, None for none.
    """

    mode: str
    keep: Path | None = None
    soc: str = ""
    kernels: Path | None = None
    mix_list: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """One graph under one mode.

    Attributes:
        graph: The graph.
        request: What was asked for.
        plan: What becomes of its ops.
        replan: Returns the plan where these ops are kept, besides those that were asked for.
        tolerances: Those of outputs, by numpy's name of the element type: float32 has what the narrow type explains.
        findings: Lines of the list of kept ops that name none.
    """

    graph: Graph
    request: Request
    plan: Plan
    replan: Callable[[frozenset[Op]], Plan]
    tolerances: Tolerances
    findings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What a model loses.

    Attributes:
        setting: The graph and the mode.
        losses: What each narrowed op loses, in order of execution.
        outputs: The outputs in fewer bits against those in float32.
        narrow: The outputs in fewer bits, by public name.
        search: What to keep, None where that was not searched.
        kept: The ops that a list with the found ones keeps: a name may stand for several.
        mended: The outputs with these kept; where nothing was found, with all ops kept that can be.
        bound: The ops that cannot be kept, because no kernel takes float32.
    """

    setting: Setting
    losses: tuple[Loss, ...]
    outputs: tuple[OutputComparison, ...]
    narrow: dict[str, Array] = field(default_factory=dict[str, Array])
    search: Search | None = None
    kept: tuple[Op, ...] = ()
    mended: tuple[OutputComparison, ...] = ()
    bound: tuple[Op, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether every output is within the tolerance."""
        return all(output.equal for output in self.outputs)

    @property
    def overflowing(self) -> list[Loss]:
        """The ops that meet numbers which the narrow type does not have."""
        return [loss for loss in self.losses if loss.overflowed]

    @property
    def underflowing(self) -> list[Loss]:
        """The ops that give zeros in large part where there were none."""
        return [loss for loss in self.losses if loss.underflow > UNDERFLOW]

    @property
    def inaccurate(self) -> list[Loss]:
        """The ops where the error first is beyond the bound: those that only hand it on are not among them."""
        others = {loss.op for loss in (*self.overflowing, *self.underflowing)}
        return [loss for loss in self.losses if loss.op not in others and _is_first(loss)]


def _is_first(loss: Loss) -> bool:
    return loss.added > LOSS or loss.error > LOSS >= loss.carried


def setting_of(graph: Graph, request: Request, tolerances: Tolerances | None = None) -> Setting:
    """Return what becomes of `graph` under the mode that was asked for.

    Args:
        graph: A graph of the canonical dialect.
        request: The mode, and what it does not concern.
        tolerances: Tolerances of outputs by numpy's name of the element type, in place of the usual ones.

    Raises:
        ModelcError: There is no such mode or chip, or a file cannot be read.
    """
    mode = mode_called(request.mode)
    table = kernel_table(request.kernels)
    chip = table.chip(request.soc).name if request.soc else ""
    lists, kernels = op_lists(chip), Kernels(table, chip)
    if request.mix_list:
        lists = changed(lists, request.mix_list)
    lines = read_keep_list(request.keep) if request.keep else ()
    kept, strangers = matching(graph, lines)
    findings = (unmatched(strangers, request.keep),) if request.keep and strangers else ()

    def replan(more: frozenset[Op]) -> Plan:
        return make_plan(graph, mode, lists, kernels, kept | more)

    plan = replan(frozenset())
    usual = {**TOLERANCES, "float32": TOLERANCES[mode.low.numpy]} if plan.treatments else TOLERANCES
    return Setting(graph, request, plan, replan, {**usual, **(tolerances or {})}, findings)


def execution_of(setting: Setting) -> Execution:
    """Return a graph made ready to run in lower precision."""

    def run(inputs: Arrays) -> dict[str, Array]:
        return emulate(setting.graph, inputs, setting.plan)

    title = f"{ENGINE.title()}, {setting.plan.mode.name} emulated"
    return Execution(ENGINE.name, title, run, ("lower precision is an emulation, no device took part",))


def assess(
    setting: Setting,
    inputs: Arrays,
    *,
    searching: bool = False,
    runs: int = RUNS,
    tell: Callable[[str], None] = lambda text: None,
) -> Assessment:
    """Run a graph in float32 and in fewer bits, and see what is lost.

    Args:
        setting: The graph and the mode.
        inputs: One array per input, by public name.
        searching: Whether to search what to keep, where an output is not within the tolerance.
        runs: How often the model may be run for that.
        tell: Called with what begins, for people who wait.

    Raises:
        ModelcError: The inputs do not fit, or an op cannot be executed.
    """
    tell(f"emulating {setting.plan.mode.name}")
    found = run_in_step(setting.graph, inputs, setting.plan)
    outputs = compared(setting, found.wide, found.narrow)
    losses = tuple(found.losses[op] for op in setting.plan.treatments if op in found.losses)
    assessment = Assessment(setting, losses, outputs, found.narrow)
    if not searching or assessment.equal:
        return assessment
    result = _searched(setting, inputs, found, runs, tell)
    every = setting.replan(frozenset(setting.plan.treatments))
    plan = every
    if result.found:
        plan = setting.replan(matching(setting.graph, lines_of(result.ops))[0])
    return replace(
        assessment,
        search=result,
        kept=tuple(op for op in setting.plan.treatments if op in plan.kept) if result.found else (),
        mended=compared(setting, found.wide, emulate(setting.graph, inputs, plan)),
        bound=tuple(every.treatments),
    )


def compared(setting: Setting, wide: Arrays, narrow: Arrays) -> tuple[OutputComparison, ...]:
    """Compare outputs in fewer bits with those in float32."""
    return tuple(compare(name, array, narrow[name], setting.tolerances) for name, array in wide.items())


def _searched(setting: Setting, inputs: Arrays, found: Lockstep, runs: int, tell: Callable[[str], None]) -> Search:
    """Return what to keep, from as many runs as are allowed."""
    numbers = count(1)

    def suffices(kept: frozenset[Op]) -> bool:
        tell(f"searching what to keep in float32, run {next(numbers)} of at most {runs}")
        outputs = emulate(setting.graph, inputs, setting.replan(kept))
        return all(each.equal for each in compared(setting, found.wide, outputs))

    order, used = _order(setting, inputs, found)
    result = search(order, suffices, runs - used)
    places = {op: index for index, op in enumerate(setting.plan.treatments)}
    ops: Sequence[Op] = sorted(result.ops, key=places.__getitem__)
    return replace(result, ops=tuple(ops), runs=result.runs + used)


def _order(setting: Setting, inputs: Arrays, found: Lockstep) -> tuple[Order, int]:
    """Return the ops in the order of trials, and the runs that took.

    Behind an infinity no error says anything, so that the errors are measured again without it.
    """
    all_kept = setting.replan(frozenset(setting.plan.treatments))
    first: list[Op] = []
    used = 0
    while True:
        plan = setting.replan(frozenset(first))
        outputs = compared(setting, found.wide, found.narrow)
        excess = max((each.max_rel / each.tolerance for each in outputs if each.tolerance), default=1.0)
        order = ranked(setting.graph, plan, all_kept, found, excess)
        if not order.least or used == _ROUNDS:
            return Order((*first, *order.ops), len(first) + order.least, len(first) + order.guess), used
        first += order.ops[: order.least]
        found = run_in_step(setting.graph, inputs, setting.replan(frozenset(first)))
        used += 1
