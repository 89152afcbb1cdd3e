"""A verification as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelc.diagnostics.renderers.words import counted, safe
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
    parts = [table(list(head(verification))), _outputs(verification)]
    if verification.per_op is not None:
        lines = (*summary(verification), *conclusions(verification.per_op))
        parts.append("\n".join((*map(safe, lines), *_tensors(verification.per_op, order, shown))))
    return "\n\n".join((*parts, verdict(verification)))


def verdict(verification: Verification) -> str:
    """Return the outcome in one line."""
    if verification.equal:
        return "equal"
    what = "the artifact computes" if verification.precision is None else "in lower precision the artifact computes"
    return f"NOT equal: {what} something else than its source"


def head(verification: Verification) -> Iterator[tuple[str, str]]:
    """Yield what a report begins with, as label and text; a text without a label goes on from the one before."""
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


def _tensors(per_op: PerOp, order: str, shown: int | None) -> Iterator[str]:
    place = {id(each): number for number, each in enumerate(per_op.tensors, 1)}
    listed = per_op.by_size() if order == "size" else per_op.by_divergence()
    rows = [_tensor_row(each, place[id(each)]) for each in listed[:shown]]
    if rows:
        yield table([_TENSOR_TITLE, *rows], _TENSOR_NUMBERS)
    if len(listed) > len(rows):
        yield f"... and {len(listed) - len(rows)} more, shown with --all"


def summary(verification: Verification) -> Iterator[str]:
    """Yield how many tensors were compared, and how many were not, for each reason."""
    per_op = verification.per_op
    if per_op is None:
        return
    without = "" if verification.precision is None else ", without the lower precision"
    compared = f"{counted(len(per_op.tensors), 'tensor')} compared{without}"
    yield f"per op: {compared}, {len(per_op.beyond)} beyond their tolerance"
    yield from (f"{counted(count, 'tensor')} not compared: {reason}" for reason, count in per_op.unpaired.items())
    if per_op.problem:
        yield per_op.problem


def conclusions(per_op: PerOp) -> Iterator[str]:
    """Yield where both part, and which op is to blame."""
    first, culprit, worst = per_op.first_divergence, per_op.culprit, per_op.worst
    if first is None:
        if worst is not None:
            yield f"farthest apart: {worst.text()}"
        return
    yield f"first beyond its tolerance: {first.text()}"
    looked_at = sum(each.isolated is not None for each in per_op.tensors)
    if culprit is not None and culprit.isolated is not None:
        yield f"wrong by itself: {culprit.text()}; fed with the source's own numbers: {culprit.isolated.words}"
    elif looked_at:
        yield (
            f"none of the {looked_at} ops looked at is wrong by itself: fed with the source's own numbers, each gives "
            "the source's result; what differs came before, or is a rounding error made larger"
        )


def _tensor_row(tensor: TensorComparison, place: int) -> tuple[str, ...]:
    mark = "!" if not tensor.numbers.equal else ""
    names = (safe(tensor.source), safe(tensor.source_op), tensor.artifact_op)
    return (f"{mark}{place}", *names, *numbers(tensor.numbers))
