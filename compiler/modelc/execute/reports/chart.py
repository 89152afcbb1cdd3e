"""How far tensors are apart, along the way through a model, as a picture."""

from __future__ import annotations

import math
from collections.abc import Iterator

from modelc.diagnostics.renderers.pages import escaped
from modelc.execute.per_op import PerOp, TensorComparison

WIDTH, HEIGHT = 1000, 240
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 26
LEAST, MOST = -9, 1  # powers of ten between which differences are shown; those outside lie on the edge
STEP = 2  # powers of ten between two lines


def chart(per_op: PerOp) -> str:
    """Return an SVG with a dot for each tensor: its place from left to right, its `max_rel` upwards, on a log scale."""
    dots = (_dot(place, each, per_op) for place, each in enumerate(per_op.tensors))
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="relative difference of each tensor">{"".join((*_grid(), *_limits(per_op), *dots))}</svg>'
    )


def _grid() -> Iterator[str]:
    for power in range(LEAST, MOST + 1, STEP):
        y = _y(10.0**power)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">1e{power}</text>'
    yield f'<text x="{LEFT}" y="{HEIGHT - 6}">max_rel, from the first tensor to the last</text>'


def _limits(per_op: PerOp) -> Iterator[str]:
    """Yield a line for each tolerance."""
    for tolerance in sorted({each.numbers.tolerance for each in per_op.tensors} - {0.0}):
        y = _y(tolerance)
        yield f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _dot(place: int, tensor: TensorComparison, per_op: PerOp) -> str:
    x = LEFT + (WIDTH - LEFT - RIGHT) * (place + 0.5) / len(per_op.tensors)
    kind = "culprit" if tensor is per_op.culprit else "" if tensor.numbers.equal else "differs"
    title = escaped(f"{tensor.source} ({tensor.source_op}): {tensor.numbers.words}")
    radius = 5 if kind == "culprit" else 3
    return (
        f'<circle class="{kind}" cx="{x:.1f}" cy="{_y(tensor.numbers.max_rel):.1f}" r="{radius}">'
        f"<title>{title}</title></circle>"
    )


def _y(max_rel: float) -> float:
    power = LEAST if max_rel <= 0 else MOST if math.isinf(max_rel) else math.log10(max_rel)
    share = (min(max(power, LEAST), MOST) - LEAST) / (MOST - LEAST)
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
