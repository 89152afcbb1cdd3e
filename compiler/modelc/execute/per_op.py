"""Comparison of the tensors inside of a source and its artifact, to find the op where they part.

Both sides may hold far more tensors than there is memory for, so that they are compared in batches that fit a budget:
the source writes its own to files, which are mapped, and removed once the artifact has given its. Of those beyond
their tolerance, the first ones are computed again from the source's own numbers, until one errs by itself.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import ModelcError
from modelc.execute.compare import OutputComparison, Tolerances, compare
from modelc.execute.engine import Taps
from modelc.execute.execution import start
from modelc.execute.isolation import Isolator, Part
from modelc.execute.oracle import Oracle
from modelc.execute.pairing import Pair, pair
from modelc.frontends.frontend import Json
from modelc.ir.model import Model
from modelc.ir.op import Value
from modelc.ir.types import TensorType

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

BUDGET = 256 << 20  # bytes of tensors that are compared in one batch
_UNKNOWN_SIZE = 1 << 20  # bytes that a tensor of unknown shape counts for

NOT_FETCHED = "the source does not give the numbers"
NOT_GIVEN = "the engine does not give the numbers"
OTHER_SHAPE = "of another shape than its source tensor"

MOST_ISOLATED = 16  # tensors beyond their tolerance that are computed again, one after the other


@dataclass(frozen=True, slots=True)
class TensorComparison:
    """How one tensor of the artifact compares with the one of the source that it should equal.

    Attributes:
        source: The tensor's name in the source.
        source_op: The type of the source op.
        artifact: The tensor's name in the artifact.
        artifact_op: The kind of the op there.
        numbers: The comparison.
        isolated: The same where the artifact's op is fed with the source's own numbers, None where it was not.
        is_moved: Whether the artifact has the last dimension of the source as its second one; the comparison, and the
            place in it, are in the layout of the source.
    """

    source: str
    source_op: str
    artifact: str
    artifact_op: str
    numbers: OutputComparison
    isolated: OutputComparison | None = None
    is_moved: bool = False

    @property
    def errs(self) -> bool:
        """Whether its op is wrong by itself, whatever came before."""
        return self.isolated is not None and not self.isolated.equal

    def document(self) -> dict[str, Json]:
        """Return the comparison as JSON."""
        names: dict[str, Json] = {
            "source": self.source,
            "source_op": self.source_op,
            "artifact": self.artifact,
            "artifact_op": self.artifact_op,
        }
        numbers = {name: value for name, value in self.numbers.document().items() if name != "name"}
        isolated = self.isolated.document() if self.isolated else {}
        return (
            names
            | numbers
            | {"is_moved": self.is_moved, "isolated_max_rel": isolated.get("max_rel"), "errs": self.errs}
        )

    def text(self) -> str:
        """Return the comparison as a clause."""
        made = f"`{self.artifact}` ({self.artifact_op})"
        named = "" if self.artifact == self.source else f", `{self.source}` in the source"
        return f"{made}{named}, source op {self.source_op}: {self.numbers.words}"


@dataclass(frozen=True, slots=True)
class PerOp:
    """What the comparison of the tensors inside found.

    Attributes:
        tensors: All comparisons, in the order in which the artifact computes.
        unpaired: How many of the artifact's tensors could not be compared, by the reason.
        seed: The seed of the inputs, None where they were given.
        problem: Why the source did not give its numbers, empty where it did.
    """

    tensors: tuple[TensorComparison, ...] = ()
    unpaired: Mapping[str, int] = field(default_factory=dict[str, int])
    seed: int | None = None
    problem: str = ""

    @property
    def beyond(self) -> list[TensorComparison]:
        """The tensors beyond their tolerance, in the order in which the artifact computes."""
        return [each for each in self.tensors if not each.numbers.equal]

    @property
    def first_divergence(self) -> TensorComparison | None:
        """The first tensor beyond its tolerance, None where there is none."""
        return next((each for each in self.tensors if not each.numbers.equal), None)

    @property
    def culprit(self) -> TensorComparison | None:
        """The first tensor whose op is wrong by itself, None where none was found."""
        return next((each for each in self.tensors if each.errs), None)

    @property
    def worst(self) -> TensorComparison | None:
        """The op to look at: the one that errs, else the first beyond its tolerance, else the one farthest apart."""
        return self.culprit or self.first_divergence or next(iter(self.by_size()), None)

    def by_divergence(self) -> list[TensorComparison]:
        """Return those beyond their tolerance, then all others, each in the order in which the artifact computes."""
        return sorted(self.tensors, key=lambda each: each.numbers.equal)

    def by_size(self) -> list[TensorComparison]:
        """Return all, the largest relative difference first."""
        return sorted(self.tensors, key=lambda each: each.numbers.max_rel, reverse=True)

    def document(self) -> dict[str, Json]:
        """Return `worst_op`, `first_divergence` and `per_op` as JSON."""
        first, worst = self.first_divergence, self.worst
        return {
            "worst_op": worst.document() if worst else None,
            "first_divergence": first.document() if first else None,
            "per_op": {
                "seed": self.seed,
                "problem": self.problem,
                "compared": len(self.tensors),
                "beyond_tolerance": len(self.beyond),
                "unpaired": dict(self.unpaired),
                "tensors": [each.document() for each in self.tensors],
            },
        }


def compare_per_op(
    oracle: Oracle, model: Model, engine: str, inputs: Arrays, source_inputs: Arrays, tolerances: Tolerances
) -> PerOp:
    """Compare every tensor of an artifact with the tensor of its source that it should equal.

    Args:
        oracle: Executes the source.
        model: The artifact.
        engine: Name of the engine that executes it.
        inputs: What the artifact is fed, by public name.
        source_inputs: What the source is fed.
        tolerances: As for `compare`.

    Raises:
        ModelcError: One of the two fails.
    """
    pairing = pair(oracle.graph, model.graph)
    sides = _Sides(oracle, model, engine, inputs, source_inputs, tolerances)
    found: dict[Value, TensorComparison | str] = {}
    for batch in _batches(pairing.pairs, BUDGET):
        found |= sides.compare(batch)
    ordered = {value: each for value, each in found.items() if isinstance(each, TensorComparison)}
    tensors = sides.look_for_culprit(ordered, {each.artifact: each.source for each in pairing.pairs})
    unpaired = Counter((*pairing.unpaired.values(), *(each for each in found.values() if isinstance(each, str))))
    return PerOp(tuple(tensors.values()), dict(unpaired.most_common()), problem=sides.problem)


@dataclass(slots=True)
class _Sides:
    """A source and its artifact, both with what they are fed.

    Attributes:
        oracle: Executes the source.
        model: The artifact.
        engine: Name of the engine that executes it.
        inputs: What it is fed.
        source_inputs: What the source is fed.
        tolerances: As for `compare`.
        problem: Why the source did not give its numbers, the last time that it did not.
    """

    oracle: Oracle
    model: Model
    engine: str
    inputs: Arrays
    source_inputs: Arrays
    tolerances: Tolerances
    problem: str = ""

    def compare(self, pairs: Sequence[Pair]) -> dict[Value, TensorComparison | str]:
        """Return how some pairs compare, or why they cannot be compared, by the artifact's tensor and in order."""
        found: dict[Value, TensorComparison | str] = dict.fromkeys((each.artifact for each in pairs), NOT_GIVEN)
        by_value = {each.artifact: each for each in pairs}
        sources = list(dict.fromkeys(each.source for each in pairs))
        with self._fetched(sources) as arrays:
            references = dict(zip(sources, arrays, strict=True))

            def take(value: Value, array: NDArray[Any]) -> None:
                each = by_value[value]
                found[value] = _compared(each, references[each.source], array, self.tolerances)

            start(self.engine, self.model, Taps(frozenset(by_value), take)).run(self.inputs)
        return found

    @contextmanager
    def _fetched(self, values: Sequence[Value]) -> Iterator[Sequence[NDArray[Any] | None]]:
        """Give tensors of the source, mapped from files that are removed afterwards; None for what it does not give."""
        with tempfile.TemporaryDirectory(prefix="modelc-per-op-") as name:
            try:
                arrays = self.oracle.fetch(self.source_inputs, values, Path(name))
            except ModelcError as error:  # the outputs have been compared all the same
                self.problem = error.diagnostics[0].message
                arrays = [None] * len(values)
            yield arrays

    def look_for_culprit(
        self, found: Mapping[Value, TensorComparison], sources: Mapping[Value, Value]
    ) -> dict[Value, TensorComparison]:
        """Return all comparisons, the first of those beyond their tolerance completed until one of them errs.

        Args:
            found: The comparisons by the artifact's tensor, in order.
            sources: What each tensor of the artifact should equal.
        """
        result = dict(found)
        isolator = Isolator(self.model.graph, found)
        for value in [value for value, each in found.items() if not each.numbers.equal][:MOST_ISOLATED]:
            part = isolator.cut(value)
            if part is not None:
                values = [*part.operands, value]
                moved = [found[each].is_moved for each in values]
                again = self._compare_again(part, value.name, [sources[each] for each in values], moved)
                result[value] = replace(found[value], isolated=again)
            if result[value].errs:
                break
        return result

    def _compare_again(
        self, part: Part, name: str, wanted: Sequence[Value], moved: Sequence[bool]
    ) -> OutputComparison | None:
        """Return how a part that is fed with tensors of the source compares with the last of them.

        Args:
            part: The part.
            name: What to call its result.
            wanted: The tensors of the source.
            moved: For each, whether the artifact has its last dimension as the second one.
        """
        with self._fetched(wanted) as arrays, suppress(ModelcError):  # where it fails there is nothing to say
            known = [
                np.moveaxis(array, -1, 1) if is_moved else array
                for array, is_moved in zip(arrays, moved, strict=True)
                if array is not None
            ]
            if len(known) == len(wanted):
                *operands, reference = known
                actual = part.run(self.engine, operands, self.inputs)
                return compare(name, *_alike(reference, actual), self.tolerances)
        return None


def _compared(
    pair_: Pair, reference: NDArray[Any] | None, actual: NDArray[Any], tolerances: Tolerances
) -> TensorComparison | str:
    """Return how a pair compares, or why it cannot be compared."""
    if reference is None:
        return NOT_FETCHED
    source, artifact = pair_.source, pair_.artifact
    found = [
        TensorComparison(
            source.name,
            next((node.op_type for node in source.producer.origin.nodes), source.producer.kind),
            artifact.name,
            artifact.producer.kind,
            compare(artifact.name, *_alike(reference, array), tolerances),
            is_moved=is_moved,
        )
        for is_moved, array in _layouts(actual)
        if array.shape == reference.shape
    ]
    return min(found, key=lambda each: each.numbers.badness, default=OTHER_SHAPE)


def _layouts(array: NDArray[Any]) -> Iterator[tuple[bool, NDArray[Any]]]:
    """Yield an array as it is, and with its second dimension last: a target may want channels before space."""
    yield False, array
    if array.ndim > 2:
        yield True, np.moveaxis(array, 1, -1)


def _alike(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return both in the narrower of their element types, to which a pass may have narrowed one."""
    narrower = min(a.dtype, b.dtype, key=lambda dtype: dtype.itemsize)
    return (a, b) if a.dtype == b.dtype else (a.astype(narrower), b.astype(narrower))


def _batches(pairs: Sequence[Pair], budget: int) -> Iterator[list[Pair]]:
    """Yield the pairs in parts of at most `budget` bytes, or one pair."""
    batch: list[Pair] = []
    size = 0
    for each in pairs:
        nbytes = _nbytes(each.artifact)
        if batch and size + nbytes > budget:
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += nbytes
    if batch:
        yield batch


def _nbytes(value: Value) -> int:
    type_ = value.type
    is_known = isinstance(type_, TensorType) and type_.is_static and type_.element is not None
    return type_.nbytes if isinstance(type_, TensorType) and is_known else _UNKNOWN_SIZE
