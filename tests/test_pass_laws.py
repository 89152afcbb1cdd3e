"""Laws that every pass keeps, tested on every golden case."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from golden_case import NEVER_FROM_A_SOURCE, GoldenCase
from numpy.typing import NDArray

from modelc.dialects.lookup import op_def
from modelc.execute.evaluator import evaluate
from modelc.ir.constants import numpy_dtype
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Value
from modelc.ir.types import TensorType, Type, is_refinement
from modelc.ir.verify import Level, verify

UNKNOWN_EXTENT = 3  # of a dimension without a number


def problems(model: Model) -> list[str]:
    return [item.message for graph in model.graphs() for item in verify(graph, Level.TYPES, op_def)]


@pytest.mark.law("verification")
def test_the_graph_is_sound_before_and_after(golden_case: GoldenCase) -> None:
    model = golden_case.model()
    assert problems(model) == []
    golden_case.run(model)
    assert problems(model) == []


@pytest.mark.law("signature")
def test_inputs_and_outputs_stay(golden_case: GoldenCase) -> None:
    before, after = golden_case.model(), golden_case.model()
    golden_case.run(after)
    assert after.graph.input_names == before.graph.input_names
    assert after.graph.output_names == before.graph.output_names
    for new, old in zip(values(after.graph), values(before.graph), strict=True):
        assert is_refinement(new.type, old.type) or is_refinement(old.type, new.type)


@pytest.mark.law("idempotence")
def test_a_second_run_changes_nothing(golden_case: GoldenCase) -> None:
    model = golden_case.model()
    facts = set(model.facts)
    golden_case.run(model)
    model.facts |= facts
    edits = model.edits
    golden_case.run(model)
    assert model.edits == edits


@pytest.mark.law("origins")
def test_every_op_knows_where_it_came_from(golden_case: GoldenCase) -> None:
    model = golden_case.model()
    known = {node for op in model.ops() for node in op.origin.nodes}
    golden_case.run(model)
    for op in model.ops():
        assert set(op.origin.nodes) <= known, op
        assert op.origin.nodes or op.kind in NEVER_FROM_A_SOURCE, op


@pytest.mark.law("evaluation")
def test_the_same_numbers_come_out(golden_case: GoldenCase) -> None:
    before, after = golden_case.model(), golden_case.model()
    golden_case.run(after)
    inputs = random_inputs(before.graph, np.random.default_rng(zlib.crc32(golden_case.name.encode())))
    expected, found = evaluate(before.graph, inputs), evaluate(after.graph, inputs)
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert_close(found[name], array)


def values(graph: Graph) -> tuple[Value, ...]:
    return (*graph.inputs, *graph.outputs)


def random_inputs(graph: Graph, random: np.random.Generator) -> dict[str, NDArray[Any]]:
    types = (value.type for value in graph.inputs)
    return {name: random_array(type_, random) for name, type_ in zip(graph.input_names, types, strict=True)}


def random_array(type_: Type, random: np.random.Generator) -> NDArray[Any]:
    assert isinstance(type_, TensorType)
    assert type_.element is not None
    assert type_.shape is not None
    dims = [dim if isinstance(dim, int) else UNKNOWN_EXTENT for dim in type_.shape]
    dtype = numpy_dtype(type_.element)
    if dtype.kind in "iub":
        return random.integers(0, 2, dims).astype(dtype)
    return random.standard_normal(dims).astype(dtype)


def assert_close(found: NDArray[Any], expected: NDArray[Any]) -> None:
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if expected.dtype.kind in "iubO":
        np.testing.assert_array_equal(found, expected)
    else:
        tolerance = {2: 2e-2, 4: 1e-5}.get(expected.dtype.itemsize, 1e-9)
        scale = float(np.max(np.abs(expected), initial=1.0, where=np.isfinite(expected)))
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale)
