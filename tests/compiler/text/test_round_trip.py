"""The two laws of the textual IR, on generated models: read(print(m)) equals m, print(read(t)) equals t."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelc.ir.attributes import Attribute, Dense, ShapeAttribute, Symbol
from modelc.ir.blob import Blob, BytesBlob, FileBlob, LazyBlob, MissingBlob, SplatBlob, pack_strings
from modelc.ir.compare import differences, structurally_equal
from modelc.ir.graph import Graph
from modelc.ir.model import Model, Source
from modelc.ir.op import Op, Value
from modelc.ir.origin import NOWHERE, Origin, SourceNode
from modelc.ir.types import CONTROL, ELEMENTS, NONE, RESOURCE, VARIANT, TensorType, Type
from modelc.text.blobs import Payload
from modelc.text.printer import print_graph, print_model, print_op
from modelc.text.reader import read_model

TF_NAMES = ("x", "conv1/Conv2D", "conv1/Conv2D:1", "^x", "x_1", "n", "n:1", "^n", "_", "_0", "0", "12", "", "a b", 'q"')
DTYPES = [element for element in ELEMENTS.values() if element.nbytes]

names = st.sampled_from(TF_NAMES) | st.text(max_size=6)
words = st.sampled_from(("T", "strides", "graph", "true", "nan", "a.b", "lower-tf", "é", "")) | st.text(max_size=5)
integers = st.integers(-(1 << 63), (1 << 63) - 1)
floats = st.floats(width=64) | st.integers(0, (1 << 64) - 1).map(lambda n: struct.unpack("<d", struct.pack("<Q", n))[0])
dims = st.none() | st.integers(0, 9) | st.sampled_from(("n", "batch", "a b", "?", "1", "*", ""))
shapes = st.none() | st.lists(dims, max_size=3).map(tuple)
elements = st.sampled_from(list(ELEMENTS.values()))
tensors = st.builds(TensorType, st.none() | elements, shapes)
types = st.sampled_from([CONTROL, RESOURCE, VARIANT, NONE]) | tensors


@st.composite
def blobs(draw: st.DrawFn, type_: TensorType | None = None) -> Blob:
    """Blobs of any kind; those of a type that says their size have that size."""
    count, step = draw(st.integers(0, 40)), draw(st.sampled_from([1, 4]))
    if type_ is not None and type_.element is not None:
        count = type_.size if type_.is_static else count
        step = type_.element.nbytes or step
    size = count * step
    data = (draw(st.binary(min_size=step, max_size=4 * step)) * count)[:size]
    if type_ is not None and type_.element is not None and type_.element.family in ("string", "bool"):
        data = bytes(byte & 1 for byte in data)
        if type_.element.family == "string":
            data = pack_strings([draw(st.binary(max_size=3)) for _ in range(min(count, 9))])
    return draw(
        st.sampled_from(
            [
                BytesBlob(data),
                LazyBlob(len(data), lambda: data),
                SplatBlob(data[:step] or bytes(step), count),
                FileBlob(Path("/a b") / draw(st.sampled_from(("x", 'q"', "é"))), 3, size),
                MissingBlob(size, draw(st.text(max_size=5))),
            ]
        )
    )


scalars: st.SearchStrategy[Attribute] = st.one_of(
    st.booleans(),
    integers,
    floats,
    st.text(max_size=8),
    st.binary(max_size=6),
    elements,
    tensors,
    st.builds(ShapeAttribute, shapes),
    blobs(),
    tensors.flatmap(lambda type_: st.builds(Dense, st.just(type_), blobs(type_))),
)
attributes: st.SearchStrategy[Attribute] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.lists(integers, max_size=4).map(tuple)
        | st.builds(Symbol, words, st.dictionaries(words, inner, max_size=2).map(lambda d: tuple(d.items())))
    ),
    max_leaves=4,
)
origins = st.just(NOWHERE) | st.builds(
    Origin,
    st.lists(st.builds(SourceNode, words, names, words), max_size=2).map(tuple),
    st.lists(words, max_size=2).map(tuple),
)


def results_of(graph: Graph) -> list[Value]:
    return [value for op in graph for value in op.results]


@st.composite
def operations(draw: st.DrawFn, values: Sequence[Value], depth: int) -> Op:
    kind = draw(st.sampled_from(("const", "tf.Relu", "ge.Add", "tf.NoOp", "a b.c", "absent", "loc", "input.x")))
    result_types: tuple[Type, ...] = tuple(draw(st.lists(types, max_size=3)))
    operands = tuple(draw(st.lists(st.sampled_from(values), max_size=3))) if values else ()
    attrs = draw(st.dictionaries(words, attributes, max_size=3))
    name = draw(names)
    if kind == "const":
        type_ = draw(tensors.filter(lambda type_: type_.element is None or type_.element.family != "opaque"))
        result_types, operands = (type_,), operands[:1]
        attrs = {**draw(st.sampled_from([{}, {"other": 1}])), "value": draw(blobs(type_))}
    nested = draw(st.lists(graphs(depth=depth - 1), max_size=2)) if depth and kind == "ge.Add" else ()
    derived = Origin.of("tensorflow", name, kind.removeprefix("tf."))
    origin = draw(origins | st.just(derived))
    op = Op(kind, operands, attrs, result_types, name=name, graphs=tuple(nested), origin=origin)
    for value in op.results:
        if draw(st.integers(0, 4)) == 0:
            value.name = draw(names)
    return op


@st.composite
def graphs(draw: st.DrawFn, name: str = "", depth: int = 1) -> Graph:
    graph = Graph(name or draw(st.sampled_from(("then", "a b", "é", "x.y"))))
    inputs = Op("input", (), {}, tuple(draw(st.lists(types, max_size=3))), origin=draw(origins))
    for value in inputs.results:
        value.name = draw(names)
    if draw(st.booleans()):
        inputs.attributes["names"] = tuple(draw(names) for _ in inputs.results)
    graph.append(inputs)
    merges = []
    for _ in range(draw(st.integers(0, 5))):
        values = results_of(graph)
        if draw(st.integers(0, 5)) == 0:
            merges.append(graph.append(Op("tf.Merge", (), {}, (draw(types), draw(types)), name=draw(names))))
        else:
            graph.append(draw(operations(values, depth)))
    values = results_of(graph)
    for merge in merges:
        graph.set_operands(merge, draw(st.lists(st.sampled_from(values), max_size=2)))
    outputs = tuple(draw(st.lists(st.sampled_from(values), max_size=3))) if values else ()
    named = draw(st.booleans())
    graph.append(Op("return", outputs, {"names": tuple(draw(names) for _ in outputs)} if named else {}))
    return graph


@st.composite
def models(draw: st.DrawFn) -> Model:
    functions = {name: draw(graphs(name)) for name in draw(st.sets(st.sampled_from(("f", "g h", "__inference_1"))))}
    path = Path("/m") / draw(st.sampled_from(("x", 'a"b')))
    source = Source(draw(words), path, draw(st.text(max_size=3)), (("signature", draw(st.text(max_size=3))),))
    facts = draw(st.sets(words.filter(bool), max_size=3))
    return Model(draw(graphs("main")), functions, draw(st.sampled_from([None, source])), facts)


def print_with_weights(model: Model, folder: Path, name: str) -> str:
    with (folder / name).open("wb") as file:
        return print_model(model, payload=Payload(file, name, folder))


@settings(max_examples=60, deadline=None)
@given(models())
def test_what_is_read_equals_what_was_printed(model: Model) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        text = print_with_weights(model, folder, "m.mir.weights")
        again = read_model(text, folder=folder)
        assert differences(model, again) == []
        assert again.source == model.source
        assert print_with_weights(again, folder, "other") == text


@settings(max_examples=60, deadline=None)
@given(graphs("main"))
def test_a_printed_text_prints_the_same_when_read(graph: Graph) -> None:
    text = print_graph(graph)
    assert print_graph(read_model(text).graph) == text


@settings(max_examples=40, deadline=None)
@given(graphs("main"))
def test_without_origins_only_origins_are_lost(graph: Graph) -> None:
    again = read_model(print_graph(graph, inline=1 << 20, origins=False)).graph
    assert " loc(" not in print_graph(again)
    assert differences(graph, again, origins=False) == []


@settings(max_examples=40, deadline=None)
@given(graphs("main"))
def test_single_ops_print_on_one_line(graph: Graph) -> None:
    for op in graph:
        assert "\n" not in print_op(op)


@settings(max_examples=150, deadline=None)
@given(tensors.flatmap(lambda type_: st.tuples(st.just(type_), blobs(type_))))
def test_constants_keep_every_bit(typed: tuple[TensorType, Blob]) -> None:
    type_, blob = typed
    graph = Graph()
    graph.append(Op("input", (), {"names": ()}))
    graph.append(Op("const", (), {"value": blob}, (type_,), name="c"))
    graph.append(Op("return", (), {"names": ()}))
    again = read_model(print_graph(graph, inline=1 << 20)).graph
    assert structurally_equal(graph, again)


@pytest.mark.parametrize("element", [e for e in DTYPES if e.family == "float"], ids=str)
def test_every_half_and_many_floats_keep_their_bits(element: object) -> None:
    name = str(element)
    nbytes = ELEMENTS[name].nbytes
    step = {2: 13, 4: 65_521 * 11, 8: (1 << 51) - 59}[nbytes]
    data = b"".join(n.to_bytes(nbytes, "little") for n in range(0, 1 << 8 * nbytes, step))
    graph = Graph()
    graph.append(Op("input", (), {"names": ()}))
    graph.append(Op("const", (), {"value": BytesBlob(data)}, (TensorType(ELEMENTS[name], (len(data) // nbytes,)),)))
    graph.append(Op("return", (), {"names": ()}))
    again = read_model(print_graph(graph, inline=1 << 30)).graph
    assert structurally_equal(graph, again)
