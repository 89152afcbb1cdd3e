"""Lowering of Einsum to transposes, reshapes and matrix products, pair by pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from string import ascii_letters

from modelc.ir.op import Value
from modelc.ir.types import Dim
from modelc_passes.lower_tf.linear import product
from modelc_passes.lower_tf.site import Site
from modelc_passes.lower_tf.table import Lowered, lowers

Labels = tuple[str, ...]


class _IrreducibleError(Exception):
    """This equation is beyond matrix products."""


@dataclass(frozen=True, slots=True)
class _Term:
    value: Value
    labels: Labels


@lowers("Einsum", "XlaEinsum")
def _einsum(site: Site) -> Lowered:
    equation = site.text("equation")
    try:
        terms, output = _parse(equation, site.inputs)
        sizes = _sizes(terms)
        return _compute(site, terms, output, sizes)
    except _IrreducibleError:
        return site.ge("Einsum", *site.inputs, equation=equation, N=len(site.inputs))


# -- reading


def _parse(equation: str, values: Sequence[Value]) -> tuple[list[_Term], Labels]:
    left, arrow, right = equation.replace(" ", "").partition("->")
    texts = left.split(",")
    if not arrow or len(texts) != len(values):
        raise _IrreducibleError
    spare = [letter for letter in ascii_letters if letter not in equation]
    terms = [_Term(value, _expand(text, value, spare)) for text, value in zip(texts, values, strict=True)]
    broadcast = max((_hidden(text, value) for text, value in zip(texts, values, strict=True)), default=0)
    output = tuple(right.replace("...", "".join(reversed(spare[:broadcast]))))
    if any(len(set(term.labels)) != len(term.labels) for term in terms) or len(set(output)) != len(output):
        raise _IrreducibleError  # a diagonal
    if any(label not in chain.from_iterable(term.labels for term in terms) for label in output):
        raise _IrreducibleError
    return terms, output


def _hidden(text: str, value: Value) -> int:
    if "..." not in text:
        return 0
    rank = value.tensor.rank
    if rank is None or rank < len(text) - 3:
        raise _IrreducibleError
    return rank - (len(text) - 3)


def _expand(text: str, value: Value, spare: Sequence[str]) -> Labels:
    # Dimensions under `...` are aligned from the right, so the last of them gets the first spare letter.
    hidden = _hidden(text, value)
    if hidden > len(spare):
        raise _IrreducibleError
    labels = tuple(text.replace("...", "".join(reversed(spare[:hidden]))))
    if value.tensor.rank not in (None, len(labels)):
        raise _IrreducibleError
    return labels


def _sizes(terms: Sequence[_Term]) -> dict[str, Dim]:
    sizes: dict[str, Dim] = {}
    for term in terms:
        for label, dim in zip(term.labels, term.value.tensor.shape or (None,) * len(term.labels), strict=True):
            known = sizes.setdefault(label, dim)
            if isinstance(known, int) and isinstance(dim, int) and known != dim:
                raise _IrreducibleError  # one of them is broadcast, or the operands do not fit
            if isinstance(dim, int):
                sizes[label] = dim
    return sizes


# -- computing


def _compute(site: Site, terms: list[_Term], output: Labels, sizes: dict[str, Dim]) -> Value:
    needed = Counter(chain.from_iterable(term.labels for term in terms))
    needed.update(output)
    result = terms[0]
    needed.subtract(result.labels)
    for term in terms[1:]:
        needed.subtract(term.labels)
        kept = frozenset(label for label, count in needed.items() if count > 0)
        result = _contract(site, result, term, kept, output, sizes)
    return _arranged(site, _summed(site, result, frozenset(output)), output)


def _contract(site: Site, a: _Term, b: _Term, kept: frozenset[str], output: Labels, sizes: dict[str, Dim]) -> _Term:
    a, b = _summed(site, a, kept | set(b.labels)), _summed(site, b, kept | set(a.labels))
    if _first_free(b, a, output) < _first_free(a, b, output):
        a, b = b, a
    shared = [label for label in a.labels if label in b.labels]
    batch = [label for label in shared if label in kept]
    inner = [label for label in shared if label not in kept]
    free_a = [label for label in a.labels if label not in shared]
    free_b = [label for label in b.labels if label not in shared]
    labels = (*batch, *free_a, *free_b)
    if not inner:
        x1 = _merged(site, a, [[label] for label in (*batch, *free_a)] + [[]] * len(free_b), sizes)
        x2 = _merged(site, b, [[label] for label in batch] + [[]] * len(free_a) + [[label] for label in free_b], sizes)
        return _Term(site.ge("Mul", x1, x2), labels)
    stack = [[label] for label in batch]
    rows = [free_a] if batch or not free_a else [[label] for label in free_a]
    x1, adj_x1 = _oriented(site, a, stack, rows, [inner], sizes)
    x2, adj_x2 = _oriented(site, b, stack, [inner], [free_b], sizes)
    result = product(site, x1, x2, adj_x1, adj_x2)
    groups = [*stack, *rows, free_b]
    if any(len(group) != 1 for group in groups):
        result = site.reshape(result, _extents([[label] for label in labels], sizes))
    return _Term(result, labels)


def _first_free(term: _Term, other: _Term, output: Labels) -> int:
    places = [output.index(label) for label in term.labels if label in output and label not in other.labels]
    return min(places, default=len(output))


def _oriented(
    site: Site,
    term: _Term,
    stack: list[list[str]],
    rows: list[list[str]],
    columns: list[list[str]],
    sizes: dict[str, Dim],
) -> tuple[Value, bool]:
    """Return the term as a stack of matrices, and whether they lie transposed, as needs the least moving."""
    straight, turned = [*stack, *rows, *columns], [*stack, *columns, *rows]
    if len(rows) == 1 and len(columns) == 1 and _moves(term, turned) < _moves(term, straight):
        return _merged(site, term, turned, sizes), True
    return _merged(site, term, straight, sizes), False


def _moves(term: _Term, groups: list[list[str]]) -> int:
    wanted = tuple(chain.from_iterable(groups))
    if wanted == term.labels:
        return 0
    return 1 if wanted[-1] == term.labels[-1] else 2


def _merged(site: Site, term: _Term, groups: list[list[str]], sizes: dict[str, Dim]) -> Value:
    value = _arranged(site, term, tuple(chain.from_iterable(groups)))
    if all(len(group) == 1 for group in groups):
        return value
    return site.reshape(value, _extents(groups, sizes))


def _arranged(site: Site, term: _Term, labels: Labels) -> Value:
    return site.transpose(term.value, [term.labels.index(label) for label in labels])


def _extents(groups: list[list[str]], sizes: dict[str, Dim]) -> list[int]:
    extents = []
    for group in groups:
        extent = 1
        for label in group:
            size = sizes[label]
            extent = extent * size if isinstance(size, int) and extent >= 0 else -1
        extents.append(extent)
    if extents.count(-1) > 1:
        raise _IrreducibleError
    return extents


def _summed(site: Site, term: _Term, kept: frozenset[str]) -> _Term:
    axes = [axis for axis, label in enumerate(term.labels) if label not in kept]
    if not axes:
        return term
    value = site.ge("ReduceSum", term.value, site.constant(axes, part="axes"), keep_dims=False)
    return _Term(value, tuple(label for label in term.labels if label in kept))
