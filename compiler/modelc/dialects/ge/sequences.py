"""Ops on labelled sequences: decoders and the loss of connectionist temporal classification, and edit distances.

Labels of sequences of many lengths are sparse: indices, values and the dense shape.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any, TypeAlias

import numpy as np

from modelc.dialects.ge.helpers import equal_dims, flag, integer, mismatch, need_rank, operand
from modelc.dialects.ge.known import known_ints
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.op import Op
from modelc.ir.types import F32, I64, Dim, TensorType, Type

Labels: TypeAlias = tuple[int, ...]

WIDEST = 1 << 10  # beams that are followed at once
NEVER = -np.inf  # the logarithm of the probability 0

# -- decoders


def _need_logits(op: Op) -> tuple[TensorType, Dim]:
    """Return the type of the logits [time, batch, classes], and the batch."""
    x = operand(op, 0)
    _, batch, _ = need_rank(op, x, 3, "logits")
    lengths = need_rank(op, operand(op, 1 if "Decoder" in op.kind else 3), 1, "lengths")
    return x, equal_dims(op, batch, lengths[0], "batches")


def _infer_decoded(op: Op, paths: int) -> list[Type]:
    x, batch = _need_logits(op)
    indices, values, shape = TensorType(I64, (None, 2)), TensorType(I64, (None,)), TensorType(I64, (2,))
    kinds = (indices, values, shape)
    return [*(kind for kind in kinds for _ in range(paths)), x.with_shape((batch, paths))]


def _sparse(sequences: Sequence[Sequence[int]]) -> tuple[Array, Array, Array]:
    """Return labels, one row per sequence, as indices, values and dense shape."""
    places = [(row, column) for row, labels in enumerate(sequences) for column in range(len(labels))]
    values = [label for labels in sequences for label in labels]
    shape = len(sequences), max(map(len, sequences), default=0)
    return (
        np.array(places, np.int64).reshape(-1, 2),
        np.array(values, np.int64),
        np.array(shape, np.int64),
    )


def _checked_lengths(op: Op, logits: Array, lengths: Array) -> list[int]:
    if lengths.size and not 0 <= lengths.min() <= lengths.max() <= len(logits):
        raise mismatch(op, f"has sequences of {lengths.tolist()} steps among {len(logits)}")
    return [int(length) for length in lengths]


@infers("CTCGreedyDecoder")
def _infer_greedy(op: Op) -> list[Type]:
    return _infer_decoded(op, 1)


@evaluates("CTCGreedyDecoder")
def _greedy(op: Op, arrays: Arrays) -> list[Array]:
    logits, lengths = arrays[0], _checked_lengths(op, *arrays[:2])
    blank, merge = logits.shape[2] - 1, flag(op, "merge_repeated", False)
    best, scores = logits.argmax(2), -logits.max(2)
    sequences = []
    for row, length in enumerate(lengths):
        labels = best[:length, row].tolist()
        if merge:
            labels = [label for label, _ in groupby(labels)]
        sequences.append([label for label in labels if label != blank])
    totals = [scores[:length, row].sum(dtype=np.float64) for row, length in enumerate(lengths)]
    return [*_sparse(sequences), np.array(totals, logits.dtype).reshape(-1, 1)]


@infers("CTCBeamSearchDecoder")
def _infer_beam(op: Op) -> list[Type]:
    return _infer_decoded(op, _paths(op))


def _paths(op: Op) -> int:
    width, paths = integer(op, "beam_width"), integer(op, "top_paths")
    if not 0 < paths <= width <= WIDEST:
        raise mismatch(op, f"cannot give {paths} of {width} paths, of which {WIDEST} can be followed")
    return paths


@dataclass(slots=True)
class _Beam:
    """Logarithms of the probability of a prefix that ends in a blank, and of one that ends in its last label."""

    blank: float = NEVER
    label: float = NEVER

    @property
    def total(self) -> float:
        return float(np.logaddexp(self.blank, self.label))


def _step(beams: dict[Labels, _Beam], logs: Sequence[float], width: int) -> dict[Labels, _Beam]:
    """Return the best prefixes after one more step; `logs` are those of all labels, the blank last."""
    grown: dict[Labels, _Beam] = defaultdict(_Beam)
    for prefix, beam in beams.items():
        same = grown[prefix]
        same.blank = float(np.logaddexp(same.blank, beam.total + logs[-1]))
        if prefix:
            same.label = float(np.logaddexp(same.label, beam.label + logs[prefix[-1]]))
        for label, log in enumerate(logs[:-1]):
            longer = grown[(*prefix, label)]
            source = beam.blank if prefix and prefix[-1] == label else beam.total
            longer.label = float(np.logaddexp(longer.label, source + log))
    best = sorted(grown, key=lambda prefix: grown[prefix].total, reverse=True)[:width]
    return {prefix: grown[prefix] for prefix in best}


def _log_softmax(logits: Array) -> Array:
    double = logits.astype(np.float64)
    double = double - double.max(-1, keepdims=True)
    return np.asarray(double - np.log(np.exp(double).sum(-1, keepdims=True)))


@evaluates("CTCBeamSearchDecoder")
def _beam_search(op: Op, arrays: Arrays) -> list[Array]:
    logits, lengths = arrays[0], _checked_lengths(op, *arrays[:2])
    paths, width, merge = _paths(op), integer(op, "beam_width"), flag(op, "merge_repeated", True)
    logs = _log_softmax(logits)
    found: list[list[Labels]] = []
    scores: list[list[float]] = []
    for row, length in enumerate(lengths):
        beams: dict[Labels, _Beam] = {(): _Beam(blank=0.0)}
        for step in range(length):
            beams = _step(beams, logs[step, row].tolist(), width)
        if len(beams) < paths:
            raise mismatch(op, f"finds {len(beams)} of {paths} paths")
        best = sorted(beams, key=lambda prefix: beams[prefix].total, reverse=True)[:paths]
        found.append([tuple(label for label, _ in groupby(prefix)) if merge else prefix for prefix in best])
        scores.append([beams[prefix].total for prefix in best])
    parts = [_sparse([labels[path] for labels in found]) for path in range(paths)]
    columns: list[Array] = [part[index] for index in range(3) for part in parts]
    return [*columns, np.array(scores, logits.dtype).reshape(-1, paths)]


# -- the loss


@infers("CTCLoss")
def _infer_loss(op: Op) -> list[Type]:
    x, batch = _need_logits(op)
    need_rank(op, operand(op, 1), 2, "indices of labels")
    need_rank(op, operand(op, 2), 1, "labels")
    return [x.with_shape((batch,)), x]


def _labels_of(op: Op, arrays: Arrays, row: int, blank: int) -> list[int]:
    indices, values = arrays[1], arrays[2]
    labels = values[indices[:, 0] == row].tolist()
    if any(not 0 <= label < blank for label in labels):
        raise mismatch(op, f"has the labels {labels}, they must lie below {blank}")
    return [label for label, _ in groupby(labels)] if flag(op, "preprocess_collapse_repeated", False) else labels


def _forward(logs: Array, path: Array, may_skip: Array) -> Array:
    """Return, per step and position of `path`, the log probability of all ways that lead there."""
    steps, positions = len(logs), len(path)
    alpha = np.full((steps, positions), NEVER)
    alpha[0, : min(2, positions)] = logs[0, path[:2]]
    for step in range(1, steps):
        ways = alpha[step - 1].copy()
        ways[1:] = np.logaddexp(ways[1:], alpha[step - 1, :-1])
        ways[2:] = np.where(may_skip[2:], np.logaddexp(ways[2:], alpha[step - 1, :-2]), ways[2:])
        alpha[step] = ways + logs[step, path]
    return alpha


def _skips(path: Array, blank: int, merges: bool) -> Array:
    """Whether a position of the path may be reached from the label before, past the blank between them."""
    skips: Array = np.asarray(path != blank)
    if merges:
        skips[2:] &= path[2:] != path[:-2]
    return skips


def _loss_of(logs: Array, labels: list[int], merges: bool) -> tuple[float, Array]:
    """Return the loss of one sequence, and its gradient by the logits."""
    blank = logs.shape[1] - 1
    path = np.full(2 * len(labels) + 1, blank)
    path[1::2] = labels
    forward = _forward(logs, path, _skips(path, blank, merges))
    backward = _forward(logs[::-1], path[::-1], _skips(path[::-1], blank, merges))[::-1, ::-1]
    total = float(np.logaddexp.reduce(forward[-1, -2:]))
    shares = np.zeros_like(logs)
    weights = np.exp(forward + backward - logs[:, path] - total)
    for position, label in enumerate(path):
        shares[:, label] += weights[:, position]
    return -total, np.exp(logs) - shares


@evaluates("CTCLoss")
def _loss(op: Op, arrays: Arrays) -> list[Array]:
    logits = arrays[0]
    if not flag(op, "ctc_merge_repeated", True):
        raise mismatch(op, "does not merge repeated labels, which cannot be executed here")
    lengths = _checked_lengths(op, logits, arrays[3])
    logs = _log_softmax(logits)
    losses = np.zeros(len(lengths))
    gradient = np.zeros(logits.shape)
    for row, length in enumerate(lengths):
        labels = _labels_of(op, arrays, row, logits.shape[2] - 1)
        repeats = sum(a == b for a, b in pairwise(labels))
        if len(labels) + repeats > length:
            if flag(op, "ignore_longer_outputs_than_inputs", False):
                continue
            raise mismatch(op, f"cannot fit {len(labels)} labels into {length} steps")
        if length:
            losses[row], gradient[:length, row] = _loss_of(logs[:length, row], labels, True)
    return [losses.astype(logits.dtype), gradient.astype(logits.dtype)]


# -- distances


@infers("EditDistance")
def _infer_distance(op: Op) -> list[Type]:
    first, second = known_ints(op, 2), known_ints(op, 5)
    if first is None or second is None:
        return [TensorType(F32, None)]
    if len(first) != len(second) or len(first) < 2:
        raise mismatch(op, f"compares sequences of the shapes {list(first)} and {list(second)}")
    pairs = zip(first[:-1], second[:-1], strict=True)
    return [TensorType(F32, tuple(max(a, b) if isinstance(a, int) and isinstance(b, int) else None for a, b in pairs))]


def _distance(a: list[Any], b: list[Any]) -> int:
    """Return how many insertions, deletions and substitutions make `b` of `a`."""
    items = np.array(b, object)
    steps = np.arange(len(b) + 1)
    row = steps
    for item in a:
        ways = row + 1
        ways[1:] = np.minimum(ways[1:], row[:-1] + (items != item))
        row = np.minimum.accumulate(ways - steps) + steps  # insertions, from wherever they are cheapest
    return int(row[-1])


def _by_row(indices: Array, values: Array) -> dict[tuple[int, ...], list[Any]]:
    rows: dict[tuple[int, ...], list[Any]] = defaultdict(list)
    for index, value in zip(indices.tolist(), values.tolist(), strict=True):
        rows[tuple(index[:-1])].append(value)
    return rows


@evaluates("EditDistance")
def _edit_distance(op: Op, arrays: Arrays) -> list[Array]:
    shape = np.maximum(arrays[2][:-1], arrays[5][:-1])
    given, truth = _by_row(*arrays[:2]), _by_row(*arrays[3:5])
    normalize = flag(op, "normalize", True)
    result = np.zeros(shape, np.float32)
    for place in given.keys() | truth.keys():
        wanted = truth.get(place, [])
        distance = np.float32(_distance(given.get(place, []), wanted))
        result[place] = distance / np.float32(len(wanted)) if normalize else distance
    return [result]
