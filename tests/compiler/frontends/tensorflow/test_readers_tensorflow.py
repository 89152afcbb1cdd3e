"""What TensorFlow writes, read without it: tensors, checkpoints, variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Sink
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.tensorflow.bundle import Bundle
from modelc.frontends.tensorflow.protos import message
from modelc.frontends.tensorflow.saved_model import load
from modelc.frontends.tensorflow.slices import parse_slice
from modelc.frontends.tensorflow.tensor import read_tensor
from modelc.ir.attributes import ShapeAttribute
from modelc.ir.blob import Blob, FileBlob
from modelc.ir.constants import to_array
from modelc.ir.model import Model
from modelc.ir.types import Element, TensorType

tf = pytest.importorskip("tensorflow")
RANDOM = np.random.default_rng(0)
DTYPES = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
DTYPES += ["bool", "complex64", "complex128"]


def numbers(dtype: Any, *dims: int) -> NDArray[Any]:
    if np.dtype(dtype).kind == "c":
        return (RANDOM.normal(size=dims) + 1j * RANDOM.normal(size=dims)).astype(dtype)
    return (RANDOM.normal(size=dims) * 50).astype(np.int64).astype(dtype)


@pytest.mark.parametrize("dims", [(), (3,), (2, 3), (0, 2)])
@pytest.mark.parametrize("dtype", [*DTYPES, ml_dtypes.bfloat16])
def test_constants(dtype: Any, dims: tuple[int, ...]) -> None:
    array = numbers(dtype, *dims)
    proto = message("TensorProto").FromString(tf.make_tensor_proto(array).SerializeToString())
    type_, blob = read_tensor(proto, Path())
    np.testing.assert_array_equal(to_array(blob, type_), array)


@pytest.mark.parametrize("values", [["a"], ["ab", "", "c"], [["x", "yz"], ["", "w"]]])
def test_string_constants(values: list[Any]) -> None:
    original = tf.make_tensor_proto(values)
    type_, blob = read_tensor(message("TensorProto").FromString(original.SerializeToString()), Path())
    np.testing.assert_array_equal(to_array(blob, type_), tf.make_ndarray(original))


def test_checkpoints_with_slices(tmp_path: Path) -> None:
    prefix = str(tmp_path / "ckpt")
    whole = numbers("float32", 10, 6)
    arrays = {f"plain/{dtype}": numbers(dtype, 4, 3) for dtype in DTYPES}
    specs = [*[""] * len(arrays), "10 6 0,4:-", "10 6 4,6:-", "10 6 -:0,2", "10 6 -:2,4"]
    names = [*arrays, "rows", "rows", "columns", "columns"]
    tensors = [*arrays.values(), whole[:4], whole[4:], whole[:, :2], whole[:, 2:]]
    tf.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=specs, tensors=tensors)
    bundle = Bundle(tmp_path / "ckpt")
    for key, array in (*arrays.items(), ("rows", whole), ("columns", whole)):
        type_, blob = bundle.tensor(key)
        np.testing.assert_array_equal(to_array(blob, type_), array)
    for key, spec in zip(names[-4:], specs[-4:], strict=True):
        type_, blob = bundle.tensor(key, parse_slice(spec))
        assert isinstance(blob, FileBlob)
        (expected,) = tf.raw_ops.RestoreV2(
            prefix=prefix, tensor_names=[key], shape_and_slices=[spec], dtypes=[tf.float32]
        )
        np.testing.assert_array_equal(to_array(blob, type_), expected.numpy())


def values(model: Model) -> list[NDArray[Any]]:
    """Return the value of every variable, by name."""
    found = {}
    for op in model.ops():
        blob, shape, element = (op.attributes.get(name) for name in ("value", "shape", "dtype"))
        if isinstance(blob, Blob) and isinstance(shape, ShapeAttribute) and isinstance(element, Element):
            found[op.name] = to_array(blob, TensorType(element, shape.dims))
    return [found[name] for name in sorted(found)]


def test_variables_of_objects(tmp_path: Path) -> None:
    module: Any = tf.Module

    class Net(module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            kinds = ["float32", "int64", tf.bfloat16, "float16"]
            self.all = [tf.Variable(tf.cast(numbers("int32", 3), kind), name=f"v{i}") for i, kind in enumerate(kinds)]
            self.again = self.all[0]
            self.unused = tf.Variable(1.0, name="unused")
            self.twin = tf.Variable([4.0, 5.0, 6.0], name="v0")

        @tf.function(input_signature=[tf.TensorSpec([3], tf.float32, "x")])  # type: ignore[untyped-decorator]
        def inner(self, x: Any) -> Any:
            return x + self.all[0] + self.twin

        @tf.function(input_signature=[tf.TensorSpec([3], tf.float32, "x")])  # type: ignore[untyped-decorator]
        def call(self, x: Any) -> Any:
            return {"y": self.inner(x) + sum(tf.cast(variable, tf.float32) for variable in self.all)}

    net = Net()
    tf.saved_model.save(net, str(tmp_path), net.call)
    model = load(tmp_path, LoadOptions(), Sink())
    assert sum(op.kind == "tf.VarHandleOp" for op in model.graph) == 5
    expected = [variable.numpy() for variable in (*net.all, net.twin)]
    assert sorted(map(as_list, values(model))) == sorted(map(as_list, expected))


def as_list(array: NDArray[Any]) -> list[float]:
    found: list[float] = array.astype(np.float64).tolist()
    return found


def test_partitioned_variables_of_sessions(tmp_path: Path) -> None:
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 7], "x")
        weight = v1.get_variable("w", [7, 4], partitioner=v1.fixed_size_partitioner(3))
        y = tf.matmul(x, tf.convert_to_tensor(weight), name="y")
        session.run(v1.global_variables_initializer())
        whole = session.run(tf.convert_to_tensor(weight))
        v1.saved_model.simple_save(session, str(tmp_path / "m"), {"x": x}, {"y": y})
    model = load(tmp_path / "m", LoadOptions(), Sink())
    parts = values(model)
    assert [part.shape for part in parts] == [(3, 4), (2, 4), (2, 4)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert model.graph.input_names == ("x",)
