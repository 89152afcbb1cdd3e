"""What a model costs, told to people and to programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from modelc.analysis.memory import MemoryPlan
from modelc.analysis.model import Analysis, Cost, OpCost, by_kind
from modelc.diagnostics.renderers.words import safe
from modelc.frontends.frontend import Json
from modelc.ir.op import Op
from modelc.tables import format_bytes, table

SHOWN: Final = 20
_UNITS: Final = ("", " k", " M", " G", " T", " P")

# What a table of ops can be sorted by; the greatest come first.
SORTS: Final[dict[str, Callable[[Cost], float]]] = {
    "macs": lambda cost: cost.macs,
    "other": lambda cost: cost.other,
    "bytes": lambda cost: cost.moved,
    "parameters": lambda cost: cost.parameters,
    "intensity": lambda cost: cost.intensity,
}
ORDER: Final = "order"


# -- documents


def totals(analysis: Analysis) -> dict[str, Json]:
    """Return the sums as JSON."""
    memory = analysis.memory
    return {
        **_cost_document(analysis.total),
        "weight_bytes": analysis.weight_bytes,
        "memory": {
            "peak": memory.peak,
            "least": memory.least,
            "least_at": memory.least_at,
            "without_reuse": memory.total,
        },
        "unknown_ops": len(analysis.unknown),
        "unknown_values": memory.unknown,
    }


def document(analysis: Analysis, *, per_op: bool, sort: str = ORDER) -> dict[str, Json]:
    """Return the analysis as JSON; `ops` and the places of buffers are there where they were asked for."""
    found = totals(analysis)
    found["kinds"] = [{"kind": kind, "count": count, **_cost_document(cost)} for kind, count, cost in by_kind(analysis)]
    if per_op:
        found["ops"] = [_op_document(each) for each in in_order(analysis, sort)]
        found["buffers"] = [
            {"name": each.name, "offset": each.offset, "size": each.size, "from": each.start, "to": each.end}
            for each in analysis.memory.buffers
        ]
    return found


def _cost_document(cost: Cost) -> dict[str, Json]:
    return {
        "parameters": cost.parameters,
        "macs": cost.macs,
        "other_ops": cost.other,
        "bytes_weights": cost.weights,
        "bytes_read": cost.read,
        "bytes_written": cost.written,
        "bytes_moved": cost.moved,
        "ops_per_byte": cost.intensity,
    }


def _op_document(each: OpCost) -> dict[str, Json]:
    known = None if each.cost is None else _cost_document(each.cost)
    return {"name": _name(each.op), "kind": each.op.kind, "results": _types(each.op), "cost": known}


# -- texts


def rows(analysis: Analysis) -> list[tuple[str, str]]:
    """Return the sums for people, each with its title."""
    total, memory = analysis.total, analysis.memory
    sizes = zip((total.weights, total.read, total.written), ("weights", "read", "written"), strict=True)
    moved = ", ".join(f"{format_bytes(size)} {what}" for size, what in sizes)
    found = [
        ("parameters", f"{quantity(total.parameters)} ({format_bytes(analysis.weight_bytes)} with all constants)"),
        ("arithmetic", f"{quantity(total.macs)} MACs, {quantity(total.other)} other operations"),
        ("traffic", f"{format_bytes(total.moved)} ({moved})"),
        ("intensity", f"{total.intensity:.1f} operations per byte"),
        ("activations", _memory(memory)),
    ]
    if analysis.unknown or memory.unknown:
        found.append(("not counted", f"{len(analysis.unknown)} ops and {memory.unknown} values of unknown shape"))
    return found


def text(analysis: Analysis) -> str:
    """Return the sums and what each kind of op has of them, for people."""
    return f"{table(rows(analysis))}\n\n{_kinds(analysis)}"


def op_table(analysis: Analysis, sort: str = ORDER, limit: int | None = SHOWN) -> str:
    """Return a table of ops; `limit` is how many at most, None for all."""
    ops = in_order(analysis, sort)
    shown = ops[:limit]
    lines: list[tuple[str, ...]] = [("op", "kind", "result", *_TITLES)]
    lines += [(_name(each.op), each.op.kind, _types(each.op), *_cells(each.cost)) for each in shown]
    more = f"\nand {len(ops) - len(shown)} more, `--all` lists them" if len(ops) > len(shown) else ""
    return f"{table(lines, frozenset(range(3, 9)))}{more}"


def comparison(names: Sequence[str], analyses: Sequence[Analysis]) -> str:
    """Return a table with a row for each of several analyses of one model."""
    lines: list[tuple[str, ...]] = [("shapes", *_TITLES, "activations", "at least")]
    lines += [
        (name, *_cells(each.total), format_bytes(each.memory.peak), format_bytes(each.memory.least))
        for name, each in zip(names, analyses, strict=True)
    ]
    return table(lines, frozenset(range(1, 9)))


def in_order(analysis: Analysis, sort: str) -> Sequence[OpCost]:
    """Return the ops in an order of `SORTS`, or of execution; those of unknown cost last."""
    if sort == ORDER:
        return analysis.ops
    key = SORTS[sort]
    return sorted(analysis.ops, key=lambda each: (each.cost is None, 0.0 if each.cost is None else -key(each.cost)))


def quantity(number: int) -> str:
    """Return a number for people: `3.86 G`."""
    size = float(number)
    for unit in _UNITS[:-1]:
        if abs(size) < 1000:
            return f"{size:.0f}" if unit == "" else f"{size:.2f}{unit}"
        size /= 1000
    return f"{size:.2f}{_UNITS[-1]}"


_TITLES: Final = ("parameters", "MACs", "other", "weights", "moved", "ops/byte")


def _cells(cost: Cost | None) -> tuple[str, ...]:
    if cost is None:
        return ("?",) * len(_TITLES)
    numbers = map(quantity, (cost.parameters, cost.macs, cost.other))
    return (*numbers, format_bytes(cost.weights), format_bytes(cost.moved), f"{cost.intensity:.1f}")


def _kinds(analysis: Analysis) -> str:
    lines: list[tuple[str, ...]] = [("kind", "ops", *_TITLES)]
    lines += [(kind, str(count), *_cells(cost)) for kind, count, cost in by_kind(analysis)]
    return table(lines, frozenset(range(1, 8)))


def _memory(memory: MemoryPlan) -> str:
    where = f", at `{safe(memory.least_at)}`" if memory.least else ""
    return (
        f"{format_bytes(memory.peak)} planned, {format_bytes(memory.least)} live at once{where}, "
        f"{format_bytes(memory.total)} without reuse"
    )


def _name(op: Op) -> str:
    return safe(op.origin.name or op.name)


def _types(op: Op) -> str:
    return ", ".join(str(value.type) for value in op.results if value.readers) or "nothing"
