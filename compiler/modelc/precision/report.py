"""What a precision mode does to a model, told to people and to programs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.diagnostics.renderers.words import safe
from modelc.execute.compare import OutputComparison
from modelc.frontends.frontend import Json
from modelc.precision.assess import Assessment
from modelc.precision.keep_list import lines_of
from modelc.precision.lockstep import Loss
from modelc.precision.rounding import range_of
from modelc.tables import table

EMULATED: Final = "emulated on the CPU; no device took part"
OVERFLOW, UNDERFLOW, ACCURACY = "overflow", "underflow", "accuracy"
_CODES: Final = {OVERFLOW: "MC621", UNDERFLOW: "MC622", ACCURACY: "MC623"}
_SHOWN: Final = 12  # ops in a text, and findings of one code; documents have all


def findings(assessment: Assessment) -> list[Diagnostic]:
    """Return one finding per op that loses more than it may, in order of execution, for the first of each way."""
    found = list(assessment.setting.findings)
    for why in _CODES:
        losses = [loss for loss, way in _named(assessment) if way == why]
        found += [_finding(assessment, loss, why, len(losses)) for loss in losses[:_SHOWN]]
    return found


def document(assessment: Assessment) -> dict[str, Json]:
    """Return the assessment as JSON; a number that is not finite is null."""
    setting, search = assessment.setting, assessment.search
    kept: dict[str, Json] | None = None
    if search is not None:
        kept = {
            "ops": [*lines_of(assessment.kept)],
            "found": search.found,
            "runs": search.runs,
            "least": search.is_least,
            "bound": lines_of(assessment.bound),
            "outputs": [each.document() for each in assessment.mended],
        }
    return {
        "mode": setting.plan.mode.name,
        "emulated": True,
        "chip": setting.request.soc or None,
        "narrowed": len(setting.plan.treatments),
        "kept": len(setting.plan.kept),
        "equal": assessment.equal,
        "outputs": [each.document() for each in assessment.outputs],
        "losses": [_loss_document(loss, why) for loss, why in _named(assessment)],
        "keep": kept,
    }


def text(assessment: Assessment) -> str:
    """Return the assessment for people."""
    setting = assessment.setting
    mode = setting.plan.mode
    kept = f", {len(setting.plan.kept)} asked to be kept in float32" if setting.plan.kept else ""
    head = [
        ("precision", f"{mode.name}, {EMULATED}"),
        ("ops", f"{len(setting.plan.treatments)} compute in {mode.low.numpy}{kept}"),
    ]
    parts = [table(head), "outputs against those in float32\n\n" + _outputs(assessment.outputs)]
    return "\n\n".join([*parts, *_losses(assessment), *_keeping(assessment)])


def _outputs(outputs: Sequence[OutputComparison]) -> str:
    rows = [("output", "type", "max_abs", "max_rel", "at most", "cosine", "")]
    rows += [
        (
            safe(each.name),
            each.type,
            f"{each.max_abs:.3g}",
            f"{each.max_rel:.3g}",
            f"{each.tolerance:g}",
            f"{each.cosine:.9f}",
            each.problem or ("within the tolerance" if each.equal else "beyond the tolerance"),
        )
        for each in outputs
    ]
    return table(rows, frozenset(range(2, 6)))


def _losses(assessment: Assessment) -> Iterator[str]:
    named = list(_named(assessment))
    if not named:
        worst = max((loss.error for loss in assessment.losses), default=0.0)
        yield f"no op overflows, underflows or loses accuracy beyond the bounds; the largest error is {worst:.2g}"
        return
    rows = [("op", "kind", "what", "values", "adds", "error")]
    rows += [
        (_name(loss), loss.op.kind, _what(assessment, loss, why), _values(loss), f"{loss.added:.2g}", _error(loss))
        for loss, why in named[:_SHOWN]
    ]
    more = f"\nand {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    yield f"ops that lose more than they may, the first one first\n\n{table(rows, frozenset({4, 5}))}{more}"


def _keeping(assessment: Assessment) -> Iterator[str]:
    search = assessment.search
    if search is None:
        return
    if not search.found:
        yield f"no ops that can be kept in float32 bring the outputs within the tolerance ({search.runs} runs)"
        yield f"outputs with all of them kept\n\n{_outputs(assessment.mended)}"
        if assessment.bound:
            kinds = Counter(op.kind for op in assessment.bound)
            listed = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
            yield f"no kernel takes float32 for: {listed}"
        return
    lines = lines_of(assessment.kept)
    least = "none of which can be left out" if search.is_least else "fewer may do"
    ops = f"{len(lines)} op{'s'[: len(lines) != 1]}"
    yield f"keep in float32: {ops}, {least} ({search.runs} runs)\n\n" + "\n".join(f"  {line}" for line in lines)
    yield "outputs with these kept\n\n" + _outputs(assessment.mended)


# -- single ops


def _named(assessment: Assessment) -> Iterator[tuple[Loss, str]]:
    """Yield the ops that lose more than they may, and in what way, in order of execution."""
    ways = {loss.op: ACCURACY for loss in assessment.inaccurate}
    ways |= {loss.op: UNDERFLOW for loss in assessment.underflowing}
    ways |= {loss.op: OVERFLOW for loss in assessment.overflowing}
    yield from ((loss, ways[loss.op]) for loss in assessment.losses if loss.op in ways)


def _finding(assessment: Assessment, loss: Loss, why: str, count: int) -> Diagnostic:
    evidence = [("values", _values(loss)), ("error it adds", f"{loss.added:.3g}"), ("error of results", _error(loss))]
    if loss.first_overflow is not None:
        evidence.append(("first overflow", f"at {list(loss.first_overflow)}"))
    notes = [f"precision mode {assessment.setting.plan.mode.name}, {EMULATED}"]
    if count > _SHOWN:
        notes.append(f"one of {count} such ops, of which the first {_SHOWN} are reported; documents in JSON have all")
    return finding(
        _CODES[why],
        f"`{_name(loss)}` ({loss.op.kind}) {_what(assessment, loss, why)}",
        loss.op,
        evidence=evidence,
        notes=notes,
        fixes=[
            Fix("keep it in float32: put its name into a file", "--keep-dtype FILE"),
            Fix("let the ops to keep be searched and written", "--keep-dtype-list FILE"),
        ],
    )


def _what(assessment: Assessment, loss: Loss, why: str) -> str:
    low = assessment.setting.plan.mode.low
    if why == OVERFLOW:
        many = "number is" if loss.overflowed == 1 else "numbers are"
        return f"overflows {low.numpy}: {loss.overflowed} {many} beyond {range_of(low).largest:g}"
    if why == UNDERFLOW:
        smallest = range_of(low).smallest
        return f"underflows {low.numpy}: {loss.underflow:.0%} of its results become 0, below {smallest / 2:.2g}"
    return f"loses accuracy in {low.numpy}: an error of {_error(loss)} begins here"


def _name(loss: Loss) -> str:
    return safe(loss.op.origin.name or loss.op.name)


def _values(loss: Loss) -> str:
    return f"{loss.least:.4g} to {loss.most:.4g}" if loss.least <= loss.most else "none finite"


def _error(loss: Loss) -> str:
    return f"{max(loss.error, loss.added):.2g}"


def _loss_document(loss: Loss, why: str) -> dict[str, Json]:
    return {
        "op": _name(loss),
        "kind": loss.op.kind,
        "origin": [
            {"framework": node.framework, "name": node.name, "op_type": node.op_type} for node in loss.op.origin.nodes
        ],
        "why": why,
        "least": _finite(loss.least),
        "most": _finite(loss.most),
        "count": loss.count,
        "overflowed": loss.overflowed,
        "first_overflow": None if loss.first_overflow is None else list(loss.first_overflow),
        "underflowed": loss.underflowed,
        "added": _finite(loss.added),
        "error": _finite(loss.error),
        "carried": _finite(loss.carried),
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
