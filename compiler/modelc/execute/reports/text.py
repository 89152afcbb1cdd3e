"""A verification as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelc.diagnostics.renderers.words import safe
from modelc.execute.compare import OutputComparison
from modelc.execute.per_op import PerOp, TensorComparison
from modelc.execute.verification import Verification
from modelc.tables import table

SHOWN = 20  # tensors that are listed unless all are asked for

_TITLE = ("output", "type", "max_abs", "max_rel", "at most", "cosine", "ulp", "")
_NUMBERS = frozenset(range(2, 7))
_TENSOR_TITLE = ("", "source tensor", "source op", "artifact op", "max_abs", "max_rel", "at most", "cosine", "ulp")
_TENSOR_NUMBERS = frozenset((0, *range(4, 9)))


def verification_text(verification: Verification, order: str = "divergence", shown: int | None = SHOWN) -> str:
    """Return a verification for people.

    Args:
        verification: What was found.
        order: How tensors inside are sorted: by `divergence` or by `size`.
        shown: How many of them are listed, None for all.
    """
    parts = [table(list(_head(verification))), _outputs(verification)]
    if verification.per_op is not None:
        parts.append(_tensors(verification.per_op, order, shown))
    return "\n\n".join((*parts, verdict(verification)))


def verdict(verification: Verification) -> str:
    """Return the outcome in one line."""
    if verification.equal:
        return "equal"
    what = "the artifact computes" if verification.precision is None else "in lower precision the artifact computes"
    return f"NOT equal: {what} something else than its source"


def _head(verification: Verification) -> Iterator[tuple[str, str]]:
    source, artifact = verification.seconds
    yield "source", f"{verification.oracle} ({source:.2f} s)"
    if verification.oracle_note:
        yield "", safe(verification.oracle_note)
    yield "artifact", f"{verification.engine} ({artifact:.2f} s)"
    yield from (("", safe(note)) for note in verification.engine_notes)
    yield "inputs", safe(verification.inputs)
    tolerances = ", ".join(f"{name} {value:g}" for name, value in verification.tolerances.items())
    yield "tolerance", f"max_rel at most {tolerances}" if tolerances else "none: all numbers must be the same"


def _outputs(verification: Verification) -> str:
    several = len(set(verification.seeds)) > 1
    seeds: Sequence[int | None] = verification.seeds or (None,) * len(verification.outputs)
    rows = [_row(output, seed if several else None) for output, seed in zip(verification.outputs, seeds, strict=True)]
    return table([_TITLE, *rows], _NUMBERS)


def _row(output: OutputComparison, seed: int | None) -> tuple[str, ...]:
    where = "" if seed is None else f" (worst with seed {seed})"
    if output.problem:
        return (safe(output.name), output.type, "", "", "", "", "", f"differs: {output.problem}{where}")
    place = "" if output.first_difference is None else f", first at {list(output.first_difference)}"
    outcome = "equal" if output.equal else f"differs{place}"
    return (safe(output.name), output.type, *numbers(output), f"{outcome}{where}")


def numbers(comparison: OutputComparison) -> tuple[str, str, str, str, str]:
    """Return max_abs, max_rel, tolerance, cosine and ulp as texts."""
    return (
        f"{comparison.max_abs:.3g}",
        f"{comparison.max_rel:.3g}",
        f"{comparison.tolerance:g}",
        f"{comparison.cosine:.9f}",
        "" if comparison.ulp is None else str(comparison.ulp),
    )


# -- per op


def _tensors(per_op: PerOp, order: str, shown: int | None) -> str:
    place = {id(each): number for number, each in enumerate(per_op.tensors, 1)}
    listed = per_op.by_size() if order == "size" else per_op.by_divergence()
    rows = [_tensor_row(each, place[id(each)]) for each in listed[:shown]]
    parts = [summary(per_op)]
    if rows:
        parts.append(table([_TENSOR_TITLE, *rows], _TENSOR_NUMBERS))
    if len(listed) > len(rows):
        parts.append(f"... and {len(listed) - len(rows)} more, shown with --all")
    return "\n".join(parts)


def summary(per_op: PerOp) -> str:
    """Return what was compared, what was not, and where both part, a line each."""
    lines = [f"per op: {len(per_op.tensors)} tensors compared, {len(per_op.beyond)} beyond their tolerance"]
    lines += [f"  {count} not compared: it {reason}" for reason, count in per_op.unpaired.items()]
    first, worst = per_op.first_divergence, per_op.worst
    if first is not None:
        lines.append(f"first beyond its tolerance: {safe(first.text())}")
    elif worst is not None:
        lines.append(f"farthest apart: {safe(worst.text())}")
    return "\n".join(lines)


def _tensor_row(tensor: TensorComparison, place: int) -> tuple[str, ...]:
    mark = "!" if not tensor.numbers.equal else ""
    names = (safe(tensor.source), safe(tensor.source_op), tensor.artifact_op)
    return (f"{mark}{place}", *names, *numbers(tensor.numbers))
