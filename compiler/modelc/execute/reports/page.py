"""A verification as a page of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modelc.diagnostics.renderers.pages import escaped, marked, page, resource
from modelc.diagnostics.renderers.words import counted
from modelc.execute.compare import OutputComparison
from modelc.execute.per_op import PerOp, TensorComparison
from modelc.execute.reports.chart import chart
from modelc.execute.reports.text import conclusions, head, numbers, summary, verdict
from modelc.execute.verification import Verification
from modelc.precision import report

_NUMBERS = ("max_abs", "max_rel", "at most", "cosine", "ulp")


def verification_page(verification: Verification) -> str:
    """Return the page: the verdict, how it was reached, the outputs, and what was compared inside."""
    cards = [_card("How it was compared", _facts(verification)), _card("Outputs", _outputs(verification))]
    if verification.per_op is not None:
        cards.append(_card("Tensors inside, in the order in which the artifact computes them", _tensors(verification)))
    if verification.precision is not None:
        text = escaped_lines(report.text(verification.precision))
        cards.append(_card("Lower precision", f'<div class="scroll"><pre>{text}</pre></div>'))
    return page(
        str(verification.artifact),
        verdict(verification),
        _counts(verification),
        cards,
        is_ok=verification.equal,
        style=resource("modelc.execute.reports", "numbers.css"),
    )


def escaped_lines(text: str) -> str:
    """Return a text of several lines as it can stand in a page."""
    return "\n".join(map(escaped, text.splitlines()))


def _counts(verification: Verification) -> str:
    beyond = sum(not output.equal for output in verification.outputs)
    return f"{counted(len(verification.outputs), 'output')}, {beyond} beyond tolerance"


def _card(title: str, content: str) -> str:
    return f'<article class="card"><h2>{title}</h2>\n{content}\n</article>'


def _facts(verification: Verification) -> str:
    rows: dict[str, list[str]] = {"source file": [escaped(str(verification.source))]}
    label = ""
    for name, text in head(verification):
        label = name or label
        rows.setdefault(label, []).append(marked(text))
    cells = "".join(f"<tr><th>{name}</th><td>{'<br>'.join(texts)}</td></tr>" for name, texts in rows.items())
    return f'<div class="scroll"><table>{cells}</table></div>'


# -- tables of numbers


def _outputs(verification: Verification) -> str:
    seeds: Sequence[int | None] = verification.seeds or (None,) * len(verification.outputs)
    several = len(set(seeds)) > 1
    columns = [
        ("output", "wide"),
        ("type", ""),
        *_number_columns(),
        *([("seed", "number")] if several else []),
        ("", ""),
    ]
    rows = (
        _row(
            [_code(output.name), escaped(output.type)],
            output,
            [*([str(seed)] if several else []), _outcome(output)],
        )
        for output, seed in zip(verification.outputs, seeds, strict=True)
    )
    return _table(columns, rows)


def _outcome(output: OutputComparison) -> str:
    if output.equal:
        return "equal"
    place = "" if output.first_difference is None else f", first at {list(output.first_difference)}"
    return escaped(f"differs: {output.problem}" if output.problem else f"differs{place}")


def _tensors(verification: Verification) -> str:
    per_op = verification.per_op
    assert per_op is not None
    said = "".join(f"<li>{marked(line)}</li>" for line in (*summary(verification), *conclusions(per_op)))
    if not per_op.tensors:
        return f'<ul class="conclusions">{said}</ul>'
    columns = [("", "place"), ("source tensor", "wide"), ("source op", ""), ("artifact op", ""), *_number_columns()]
    rows = (_tensor_row(place, each, per_op) for place, each in enumerate(per_op.tensors, 1))
    return f'<ul class="conclusions">{said}</ul>\n{chart(per_op)}\n{_table(columns, rows)}'


def _tensor_row(place: int, tensor: TensorComparison, per_op: PerOp) -> str:
    names = [_code(tensor.source), escaped(tensor.source_op), escaped(tensor.artifact_op)]
    mark = "culprit" if tensor is per_op.culprit else ""
    return _row([f'<span class="place">{place}</span>', *names], tensor.numbers, [], mark)


def _number_columns() -> list[tuple[str, str]]:
    return [(name, "number") for name in _NUMBERS]


def _row(before: Iterable[str], comparison: OutputComparison, after: Iterable[str], mark: str = "") -> str:
    kinds = " ".join(filter(None, ("" if comparison.equal else "differs", mark)))
    values = ("",) * len(_NUMBERS) if comparison.problem else numbers(comparison)
    cells = [
        *(f"<td>{text}</td>" for text in before),
        *(f'<td class="number">{text}</td>' for text in values),
        *(f"<td>{text}</td>" for text in after),
    ]
    return f'<tr class="{kinds}">{"".join(cells)}</tr>'


def _table(columns: Sequence[tuple[str, str]], rows: Iterable[str]) -> str:
    titles = "".join(f'<th class="{kind}">{name}</th>' for name, kind in columns)
    lines = "\n".join((f"<tr>{titles}</tr>", *rows))
    return f'<div class="scroll"><table class="numbers">{lines}</table></div>'


def _code(name: str) -> str:
    return f"<code>{escaped(name)}</code>"
