"""What is written reads back equal: structure, types, attributes, constants, names, origins."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelc.backend import Backend
from modelc.diagnostics.diagnostic import Sink
from modelc.dialects.lookup import op_def
from modelc.frontends.frontend import Frontend, LoadOptions
from modelc.frontends.soundness import findings
from modelc.ir.blob import FileBlob, LazyBlob, SplatBlob, pack_strings
from modelc.ir.constants import constant
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.types import CONTROL, F32, I32, STRING, TensorType, tensor
from modelc.ir.verify import Level, verify
from modelc.pipeline.facts import FIXED_INPUTS, GE, TYPED
from modelc_backends.om.backend import AIR, OM
from modelc_backends.om.conformance import check
from modelc_backends.om.reader import FRONTEND_AIR, FRONTEND_OM

KINDS: list[tuple[Backend, Frontend]] = [(OM, FRONTEND_OM), (AIR, FRONTEND_AIR)]


@pytest.fixture(params=KINDS, ids=["om", "air"])
def again(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Model], Model]:
    backend: Backend = request.param[0]
    frontend: Frontend = request.param[1]

    def write_and_read(model: Model) -> Model:
        path = tmp_path / f"model{backend.suffix}"
        backend.write(model, path)
        assert findings(path, check(path)) == []
        assert frontend.recognizes(path, path.read_bytes()[:4096]) >= 90
        read = frontend.load(path, LoadOptions(), Sink())
        assert [d for graph in read.graphs() for d in verify(graph, Level.SCHEMA, op_def)] == []
        return read

    return write_and_read


def test_a_classifier(make_classifier: Any, again: Any, description: Any) -> None:
    model = make_classifier()
    read = again(model)
    assert description(read.graph) == description(model.graph)
    assert [op.origin for op in read.graph if op.kind.startswith("ge.")] == [
        op.origin for op in model.graph if op.kind.startswith("ge.")
    ]
    assert {GE, TYPED, FIXED_INPUTS} <= read.facts


def test_nested_graphs(make_branches: Any, again: Any, description: Any) -> None:
    model = make_branches()
    read = again(model)
    assert description(read.graph) == description(model.graph)
    assert [graph.name for graph in read.graphs()] == [graph.name for graph in model.graphs()]
    assert all(graph.owner is not None for graph in read.graphs() if graph is not read.graph)


def test_public_names(builder: Any, again: Any) -> None:
    b = builder()
    x, y = b.inputs(**{"serving_default_x:0": tensor(F32, 2), "y": tensor(F32, 2)})
    read = again(Model(b.returns(**{"StatefulPartitionedCall:0": x, "same": y, "again": y}))).graph
    assert read.input_names == ("serving_default_x:0", "y")
    assert read.output_names == ("StatefulPartitionedCall:0", "same", "again")
    assert [value.name for value in read.inputs] == ["serving_default_x", "y"]


def test_control_dependencies(builder: Any, again: Any, description: Any) -> None:
    b = builder()
    (x,) = b.inputs(x=tensor(F32, 2))
    first = b.op("ge.Relu", [x], tensor(F32, 2), CONTROL, name="first")
    second = b.op("ge.Relu", [x, first.results[1]], tensor(F32, 2), name="second")
    model = Model(b.returns(y=second.result))
    assert description(again(model).graph) == description(model.graph)


@pytest.mark.parametrize(
    "array",
    [
        np.array(3, np.int64),
        np.zeros((0, 3), np.float32),
        np.arange(6, dtype=np.uint8).reshape(2, 3),
        np.array([True, False]),
        np.array([1.5, -2], ml_dtypes.bfloat16),
        np.array([1 + 2j], np.complex64),
        np.broadcast_to(np.float32(0.5), (300, 300)),
        np.array(["", "ä", "text"], object),
        np.array("one", object),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_constants(builder: Any, again: Any, array: Any) -> None:
    b = builder()
    b.inputs()
    model = Model(b.returns(y=b.const(array, "c")))
    op = again(model).graph.outputs[0].producer
    assert op.result.type == model.graph.outputs[0].type
    ours, theirs = constant(op.result, None), constant(model.graph.outputs[0], None)
    assert ours is not None
    assert theirs is not None
    assert ours.dtype == theirs.dtype
    assert ours.tolist() == theirs.tolist()


def test_big_constants_stay_in_their_file(builder: Any, again: Any, tmp_path: Path) -> None:
    data = os.urandom(400_000)
    (tmp_path / "w").write_bytes(b"xx" + data)
    b = builder()
    b.inputs()
    kinds = {
        "ranges": FileBlob(tmp_path / "w", 2, 400_000),
        "lazy": LazyBlob(400_000, lambda: data),
        "splat": SplatBlob(b"\0\0\0\1", 100_000),
    }
    values = {
        name: b.graph.append(Op("const", (), {"value": blob}, (tensor(F32, 100_000),), name=name)).result
        for name, blob in kinds.items()
    }
    read = again(Model(b.returns(**values)))
    for value, blob in zip(read.graph.outputs, kinds.values(), strict=True):
        stored = value.producer.attributes["value"]
        assert isinstance(stored, FileBlob)
        assert stored.read() == blob.read()


def test_texts_keep_their_bytes(builder: Any, again: Any) -> None:
    b = builder()
    b.inputs()
    texts = pack_strings([b"\0\xff", b"", b"a\0b"])
    op = Op("const", (), {"value": LazyBlob(len(texts), lambda: texts)}, (tensor(STRING, 3),), name="c")
    read = again(Model(b.returns(y=b.graph.append(op).result)))
    assert read.graph.outputs[0].producer.attributes["value"].read() == texts


def test_a_second_writing_gives_the_same_bytes(make_classifier: Any, make_branches: Any, tmp_path: Path) -> None:
    for make in (make_classifier, make_branches):
        for backend, frontend in KINDS:
            model = make()
            path = tmp_path / f"{model.name}{backend.suffix}"
            first = backend.write(model, path)
            second = backend.write(frontend.load(path, LoadOptions(), Sink()), path)
            assert first.sha256 == second.sha256


DIMS = st.lists(st.one_of(st.integers(0, 2**40), st.none()), max_size=5)
TYPES = st.one_of(st.just(TensorType(F32, None)), DIMS.map(lambda dims: TensorType(F32, tuple(dims))))
ATTRIBUTES = st.dictionaries(
    st.text("abcdef_", min_size=1, max_size=6).map(lambda name: f"_note_{name}"),
    st.one_of(
        st.integers(-(2**63), 2**63 - 1),
        st.booleans(),
        st.floats(width=32, allow_nan=False),
        st.text(),
        st.lists(st.integers(-9, 9)).map(tuple),
        st.lists(st.text(), min_size=1).map(tuple),
        st.lists(st.lists(st.integers(-9, 9)).map(tuple), min_size=1).map(tuple),
    ),
    max_size=3,
)
STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2**16), TYPES, ATTRIBUTES), max_size=12)


@pytest.mark.nonsense
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TYPES, max_size=3), STEPS, st.data())
def test_any_graph(builder: Any, description: Any, inputs: list[TensorType], steps: Any, data: st.DataObject) -> None:
    b = builder()
    values = list(b.inputs(**{f"in{i}": type_ for i, type_ in enumerate(inputs)}))
    for number, (what, seed, type_, attributes) in enumerate(steps):
        pick = [values[(seed + i) % len(values)] for i in range(2)] if values else []
        if what == 0 or not values:
            values.append(b.const(np.full(seed % 5, seed, np.int32), f"c{number}"))
        elif what == 1:
            values.append(b.op("ge.AddN", pick, type_, name=f"n{number}", attributes={**attributes, "N": 2}).result)
        elif what == 2:
            values += b.op("ge.IdentityN", pick, type_, tensor(I32), name=f"n{number}", attributes=attributes).results
        else:
            values.append(b.op("ge.IdentityN", pick[:1], type_, name=f"n{number}", attributes=attributes).result)
    outputs = data.draw(st.lists(st.sampled_from(values), max_size=3)) if values else []
    if not outputs:
        outputs = [b.const(np.float32(0), "only")]
    model = Model(b.returns(**{f"out{i}": value for i, value in enumerate(outputs)}))
    _assert_reads_back(model, description)


def _assert_reads_back(model: Model, description: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for backend, frontend in KINDS:
            path = Path(folder) / f"m{backend.suffix}"
            backend.write(model, path)
            read = frontend.load(path, LoadOptions(), Sink())
            assert description(read.graph) == description(model.graph)
            assert {each.name for each in check(path) if each.problems} <= {"inferred-types"}
