"""Differences for people and for programs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from modelc.difference.compare import Change, Difference, OpChange, OpLabel, WeightChange, counts
from modelc.difference.words import ABSENT
from modelc.frontends.frontend import Json

SHOWN = 20  # entries of each group that are shown unless all are asked for


def document(difference: Difference) -> dict[str, Json]:
    """Return all differences as JSON; a number that is not finite is null."""
    return {
        "equal": difference.equal,
        "interface": [_change(change) for change in difference.interface],
        "removed": [_label(label) for label in difference.removed],
        "added": [_label(label) for label in difference.added],
        "changed": [_op_change(change) for change in difference.changed],
        "renamed": [{**_label(change.op), "now": change.name} for change in difference.renamed],
        "weights": [_weight(change) for change in difference.weights],
        "removed_counts": counts(difference.removed),
        "added_counts": counts(difference.added),
        "same_ops": difference.same_ops,
        "same_weights": difference.same_weights,
    }


def _change(change: Change) -> dict[str, Json]:
    return {"what": change.what, "a": change.a, "b": change.b}


def _label(label: OpLabel) -> dict[str, Json]:
    return {"name": label.name, "kind": label.kind, "graph": label.graph, "types": label.detail}


def _op_change(change: OpChange) -> dict[str, Json]:
    return {**_label(change.op), "now": change.name, "changes": [_change(each) for each in change.changes]}


def _weight(change: WeightChange) -> dict[str, Json]:
    compared = change.comparison
    return {
        "name": change.op.name,
        "graph": change.op.graph,
        "now": change.name,
        "a": change.a,
        "b": change.b,
        "problem": compared.problem,
        "elements": compared.size,
        "different": compared.different,
        "max_abs": compared.max_abs if math.isfinite(compared.max_abs) else None,
        "max_rel": compared.max_rel,
    }


def text(difference: Difference, everything: bool = False) -> str:
    """Return the differences as lines, grouped, at most 20 of each group unless `everything` is asked for."""
    limit = None if everything else SHOWN
    groups = [
        *_group("interface", [_line(change) for change in difference.interface], limit),
        *_group("removed ops", [_op(label) for label in difference.removed], limit, _kinds(difference.removed)),
        *_group("added ops", [_op(label) for label in difference.added], limit, _kinds(difference.added)),
        *_group("changed ops", [_changed(change) for change in difference.changed], limit, _whats(difference.changed)),
        *_group("renamed ops", [f"{_op(c.op, False)} -> `{c.name}`" for c in difference.renamed], limit),
        *_group("weights", [_weight_line(change) for change in difference.weights], limit),
    ]
    same = f"{difference.same_ops} ops and {difference.same_weights} weights are the same"
    return "\n".join([*groups, f"{'equal' if difference.equal else 'different'}: {same}"])


def _group(title: str, entries: Sequence[str], limit: int | None, summary: str = "") -> Iterator[str]:
    if not entries:
        return
    yield f"{title} ({len(entries)}){f': {summary}' if summary else ''}"
    yield from (f"  {entry}" for entry in entries[:limit])
    if limit is not None and len(entries) > limit:
        yield f"  and {len(entries) - limit} more; --all shows them"


def _kinds(labels: Sequence[OpLabel]) -> str:
    return _counted(counts(labels).items())


def _whats(changes: Sequence[OpChange]) -> str:
    found: dict[str, int] = {}
    for change in changes:
        for what in dict.fromkeys(_sort(each) for each in change.changes):
            found[what] = found.get(what, 0) + 1
    return _counted(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _sort(change: Change) -> str:
    """Return what changed without its number: `operand`, `type of result`, "attribute `strides`"."""
    return change.what.rstrip("0123456789 ")


def _counted(pairs: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count} {what}" for what, count in pairs)


def _line(change: Change) -> str:
    if not change.a or not change.b:
        return f"{change.what} {'added' if change.b else 'removed'}: {change.b or change.a}"
    return f"{change.what}: {change.a} -> {change.b}"


def _op(label: OpLabel, with_types: bool = True) -> str:
    where = f" in `{label.graph}`" if label.graph else ""
    return f"{label.kind} `{label.name}`{where}{f' : {label.detail}' if with_types and label.detail else ''}"


def _changed(change: OpChange) -> str:
    now = "" if change.name == change.op.name else f" -> `{change.name}`"
    lines = (f"\n    {each.what}: {each.a or ABSENT} -> {each.b or ABSENT}" for each in change.changes)
    return f"{_op(change.op, False)}{now}{''.join(lines)}"


def _weight_line(change: WeightChange) -> str:
    types = change.a if change.a == change.b else f"{change.a} -> {change.b}"
    now = "" if change.name == change.op.name else f" -> `{change.name}`"
    where = f" in `{change.op.graph}`" if change.op.graph else ""
    return f"`{change.op.name}`{now}{where} {types}: {change.comparison.text() or 'equal numbers'}"
