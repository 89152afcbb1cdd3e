"""Models and files the compiler must reject, each for one reason.

`REJECTED` maps a name to a function that builds the model in a folder and returns the path to compile.
`python tests/models/rejected.py FOLDER [NAME...]` writes them. TensorFlow is imported only while building.
"""

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tf_graphs import build_sharded
from tf_models import build_frozen, build_mlp
from tf_tools import freeze, write_graph


def _save(path: Path, function: Callable[..., Any], *signature: Any) -> Path:
    """Saves one function as a SavedModel."""
    import tensorflow as tf

    module = tf.Module()
    module.call = tf.function(function, input_signature=signature)
    tf.saved_model.save(module, str(path), signatures=module.call)
    return path


def _freeze(path: Path, function: Callable[..., Any], *signature: Any) -> Path:
    """Writes one function as a frozen graph."""
    import tensorflow as tf

    write_graph(freeze(tf.function(function).get_concrete_function(*signature)), path)
    return path


def _spec(shape: list[int | None], dtype: str = "float32", name: str = "x") -> Any:
    import tensorflow as tf

    return tf.TensorSpec(shape, tf.dtypes.as_dtype(dtype), name=name)


def _normal(*shape: int) -> Any:
    """Returns a constant of random numbers."""
    import tensorflow as tf

    return tf.constant(np.random.default_rng(0).normal(size=shape).astype("f4"))


def dynamic_input(folder: Path) -> Path:
    """An input whose batch and image size are open, to be compiled without saying them."""
    import tensorflow as tf

    def call(x: Any) -> dict[str, Any]:
        return {"y": tf.reduce_mean(tf.nn.conv2d(x, _normal(3, 3, 3, 4), 1, "SAME"), axis=[1, 2])}

    return _save(folder / "dynamic_input", call, _spec([None, None, None, 3]))


def five_dimensional_input(folder: Path) -> Path:
    """An input of five dimensions."""
    import tensorflow as tf

    return _freeze(folder / "model.pb", lambda x: tf.reduce_sum(x, axis=[2, 3]), _spec([2, 3, 4, 5, 6]))


def reshape_to_five_dimensions(folder: Path) -> Path:
    """An output made five-dimensional by a reshape of four dimensions."""
    import tensorflow as tf

    return _freeze(folder / "model.pb", lambda x: tf.nn.relu(tf.reshape(x, [2, 4, 4, 3, 2])), _spec([2, 4, 4, 6]))


def transpose_of_five_dimensions(folder: Path) -> Path:
    """A pixel shuffle written with five-dimensional tensors in the middle of the graph."""
    import tensorflow as tf

    def call(x: Any) -> Any:
        x = tf.transpose(tf.reshape(x, [2, 3, 4, 5, 6]), [4, 2, 0, 3, 1])
        return tf.nn.relu(tf.reshape(x, [6, 4, 10, 3]))

    return _freeze(folder / "model.pb", call, _spec([2, 3, 4, 30]))


def zero_dimension_input(folder: Path) -> Path:
    """An input without elements."""
    import tensorflow as tf

    return _freeze(folder / "model.pb", lambda x: tf.nn.relu(x), _spec([2, 0, 4]))


def zero_dimension_inside(folder: Path) -> Path:
    """A slice that selects nothing."""
    import tensorflow as tf

    return _freeze(folder / "model.pb", lambda x: tf.nn.relu(x)[:, 3:3] * 2.0, _spec([2, 5]))


def float64_input(folder: Path) -> Path:
    """An input of double precision."""
    import tensorflow as tf

    return _freeze(folder / "model.pb", lambda x: tf.nn.relu(x) + 1.0, _spec([2, 5], "float64"))


def int64_input(folder: Path) -> Path:
    """Identifiers of 64 bits that choose rows of a table."""
    import tensorflow as tf

    def call(ids: Any) -> dict[str, Any]:
        return {"rows": tf.gather(_normal(9, 4), ids)}

    return _save(folder / "int64_input", call, _spec([2, 5], "int64", "ids"))


def string_input(folder: Path) -> Path:
    """Numbers that arrive as text."""
    import tensorflow as tf

    return _freeze(folder / "model.pb", lambda x: tf.strings.to_number(x) * 2.0, _spec([4], "string"))


def convolution_3d(folder: Path) -> Path:
    """A 3-D convolution between an added and a removed dimension, so that the input is legal."""
    import tensorflow as tf

    def call(x: Any) -> Any:
        x = tf.nn.conv3d(x[..., tf.newaxis], _normal(3, 3, 3, 1, 1), [1, 1, 1, 1, 1], "SAME")
        return tf.squeeze(tf.nn.relu(x), axis=4)

    return _freeze(folder / "model.pb", call, _spec([1, 6, 6, 6]))


def pooling_3d(folder: Path) -> Path:
    """A 3-D pooling between an added and a removed dimension."""
    import tensorflow as tf

    def call(x: Any) -> Any:
        return tf.squeeze(tf.nn.max_pool3d(x[..., tf.newaxis], 2, 2, "VALID"), axis=4)

    return _freeze(folder / "model.pb", call, _spec([1, 6, 6, 6]))


def quantized_uint8(folder: Path) -> Path:
    """A convolution in TensorFlow's own 8-bit arithmetic."""
    import tensorflow as tf

    def call(x: Any) -> Any:
        quantized = [
            tf.raw_ops.QuantizeV2(input=tensor, min_range=-1.0, max_range=1.0, T=tf.quint8)
            for tensor in (x, _normal(3, 3, 3, 4))
        ]
        (image, image_min, image_max), (filters, filter_min, filter_max) = quantized
        product = tf.raw_ops.QuantizedConv2D(
            input=image,
            filter=filters,
            min_input=image_min,
            max_input=image_max,
            min_filter=filter_min,
            max_filter=filter_max,
            strides=[1, 1, 1, 1],
            padding="SAME",
        )
        return tf.raw_ops.Dequantize(input=product[0], min_range=product[1], max_range=product[2])

    return _freeze(folder / "model.pb", call, _spec([1, 8, 8, 3]))


def training_step(folder: Path) -> Path:
    """A TF1 model whose output is the loss after a step of gradient descent."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [4, 3], name="x")
        kernel = v1.get_variable("kernel", initializer=np.ones((3, 2), "f4"), use_resource=False)
        loss = tf.reduce_mean(tf.square(tf.matmul(x, kernel) - 1.0))
        step = v1.train.GradientDescentOptimizer(0.1).minimize(loss)
        with tf.control_dependencies([step]):
            after = tf.reduce_mean(tf.matmul(x, kernel.read_value()), name="after")
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(folder / "training_step"), {"x": x}, {"after": after})
    return folder / "training_step"


def gradient_output(folder: Path) -> Path:
    """A frozen graph that returns the gradient of a convolution's filters."""
    import tensorflow as tf

    def call(x: Any) -> Any:
        filters = _normal(3, 3, 3, 4)
        return tf.gradients(tf.reduce_sum(tf.nn.relu(tf.nn.conv2d(x, filters, 1, "SAME"))), filters)[0]

    return _freeze(folder / "model.pb", call, _spec([1, 8, 8, 3]))


def training_batch_norm(folder: Path) -> Path:
    """A batch normalization that computes its statistics from the batch."""
    import tensorflow as tf

    def call(x: Any) -> Any:
        x = tf.nn.conv2d(x, _normal(3, 3, 3, 4), 1, "SAME")
        y, *_ = tf.compat.v1.nn.fused_batch_norm(x, tf.ones([4]), tf.zeros([4]), is_training=True)
        return tf.nn.relu(y)

    return _freeze(folder / "model.pb", call, _spec([1, 8, 8, 3]))


def surviving_batch_norm(folder: Path) -> Path:
    """A batch of four through a batch normalization that no convolution can absorb."""
    import tensorflow as tf

    def call(x: Any) -> Any:
        gamma, beta, mean = _normal(3), _normal(3), _normal(3)
        y, *_ = tf.compat.v1.nn.fused_batch_norm(tf.nn.relu(x), gamma, beta, mean, tf.exp(mean), is_training=False)
        return tf.nn.max_pool2d(tf.nn.relu(y), 2, 2, "VALID")

    return _freeze(folder / "model.pb", call, _spec([4, 8, 8, 3]))


def written_variable(folder: Path) -> Path:
    """A counter that every inference advances and adds to the result."""
    import tensorflow as tf

    counter = tf.Variable(0.0, name="counter")
    module = tf.Module()
    module.counter = counter

    def call(x: Any) -> dict[str, Any]:
        return {"y": x + counter.assign_add(tf.reduce_sum(x))}

    module.call = tf.function(call, input_signature=[_spec([2, 3])])
    tf.saved_model.save(module, str(folder / "written_variable"), signatures=module.call)
    return folder / "written_variable"


def unknown_op(folder: Path) -> Path:
    """A node of an op type that nobody registered."""
    return _raw_graph(folder, [_node("fancy", "FancyVendorOp", "x"), _node("y", "Relu", "fancy")])


def cycle(folder: Path) -> Path:
    """Two nodes that read each other."""
    return _raw_graph(folder, [_node("first", "AddV2", "x", "second"), _node("second", "Relu", "first")])


def missing_node(folder: Path) -> Path:
    """A node that reads one that is not there."""
    return _raw_graph(folder, [_node("y", "AddV2", "x", "ghost")])


def duplicate_node(folder: Path) -> Path:
    """Two nodes of one name."""
    return _raw_graph(folder, [_node("y", "Relu", "x"), _node("y", "Tanh", "x")])


def recursion(folder: Path) -> Path:
    """Two functions that call each other."""
    functions = [_function("ping", _call("pong", "a")), _function("pong", _call("ping", "a"))]
    return _raw_graph(folder, [_call("ping", "x")], functions)


def _node(name: str, op: str, *operands: str, **attributes: Any) -> Any:
    """Returns a NodeDef; only calls have no element type T."""
    from tensorflow.core.framework import attr_value_pb2, node_def_pb2, types_pb2

    attributes = attributes or {"T": attr_value_pb2.AttrValue(type=types_pb2.DT_FLOAT)}
    return node_def_pb2.NodeDef(name=name, op=op, input=operands, attr=attributes)


def _call(function: str, operand: str) -> Any:
    from tensorflow.core.framework import attr_value_pb2, types_pb2

    types = attr_value_pb2.AttrValue(list=attr_value_pb2.AttrValue.ListValue(type=[types_pb2.DT_FLOAT]))
    target = attr_value_pb2.AttrValue(func=attr_value_pb2.NameAttrList(name=function))
    return _node("call", "PartitionedCall", operand, Tin=types, Tout=types, f=target)


def _function(name: str, body: Any) -> Any:
    from tensorflow.core.framework import function_pb2, op_def_pb2, types_pb2

    operand = op_def_pb2.OpDef.ArgDef(name="a", type=types_pb2.DT_FLOAT)
    result = op_def_pb2.OpDef.ArgDef(name="r", type=types_pb2.DT_FLOAT)
    signature = op_def_pb2.OpDef(name=name, input_arg=[operand], output_arg=[result])
    return function_pb2.FunctionDef(signature=signature, node_def=[body], ret={"r": f"{body.name}:output:0"})


def _raw_graph(folder: Path, nodes: list[Any], functions: Sequence[Any] = ()) -> Path:
    """Writes a graph of a float[4] placeholder `x` and nodes that TensorFlow would refuse."""
    from tensorflow.core.framework import attr_value_pb2, function_pb2, graph_pb2, tensor_shape_pb2, types_pb2

    shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=4)])
    x = _node(
        "x",
        "Placeholder",
        dtype=attr_value_pb2.AttrValue(type=types_pb2.DT_FLOAT),
        shape=attr_value_pb2.AttrValue(shape=shape),
    )
    library = function_pb2.FunctionDefLibrary(function=functions)
    write_graph(graph_pb2.GraphDef(node=[x, *nodes], library=library), folder / "model.pb")
    return folder / "model.pb"


def truncated_frozen(folder: Path) -> Path:
    """A frozen graph whose second half is missing."""
    build_frozen(folder / "model.pb")
    return _truncate(folder / "model.pb")


def truncated_text(folder: Path) -> Path:
    """A text graph whose second half is missing."""
    build_frozen(folder / "model.pbtxt")
    return _truncate(folder / "model.pbtxt")


def corrupt_frozen(folder: Path) -> Path:
    """A `.pb` file of random bytes."""
    (folder / "model.pb").write_bytes(np.random.default_rng(0).bytes(4096))
    return folder / "model.pb"


def empty_file(folder: Path) -> Path:
    """A `.pb` file of zero bytes."""
    (folder / "model.pb").touch()
    return folder / "model.pb"


def missing_file(folder: Path) -> Path:
    """A path where nothing lies."""
    return folder / "nothing.pb"


def plain_folder(folder: Path) -> Path:
    """A folder that holds something else."""
    (folder / "notes.txt").write_text("not a model\n", encoding="utf-8")
    return folder


def empty_folder(folder: Path) -> Path:
    """A folder that holds nothing."""
    (folder / "empty").mkdir()
    return folder / "empty"


def truncated_saved_model(folder: Path) -> Path:
    """A SavedModel whose saved_model.pb ends early."""
    _truncate(_mlp(folder) / "saved_model.pb")
    return folder / "mlp"


def truncated_shard(folder: Path) -> Path:
    """A SavedModel whose weights end early."""
    _truncate(_mlp(folder) / "variables" / "variables.data-00000-of-00001")
    return folder / "mlp"


def truncated_index(folder: Path) -> Path:
    """A SavedModel whose list of variables ends early."""
    _truncate(_mlp(folder) / "variables" / "variables.index")
    return folder / "mlp"


def corrupt_index(folder: Path) -> Path:
    """A SavedModel whose list of variables has flipped bits."""
    index = _mlp(folder) / "variables" / "variables.index"
    data = bytearray(index.read_bytes())
    data[10:-48] = bytes(byte ^ 0x5A for byte in data[10:-48])
    index.write_bytes(data)
    return folder / "mlp"


def missing_shard(folder: Path) -> Path:
    """A SavedModel of two shards, the second of which is lost."""
    build_sharded(folder / "sharded")
    (folder / "sharded" / "variables" / "variables.data-00001-of-00002").unlink()
    return folder / "sharded"


def missing_variables(folder: Path) -> Path:
    """A SavedModel without its variables folder."""
    shutil.rmtree(_mlp(folder) / "variables")
    return folder / "mlp"


def _mlp(folder: Path) -> Path:
    build_mlp(folder / "mlp")
    return folder / "mlp"


def _truncate(path: Path) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


REJECTED: dict[str, Callable[[Path], Path]] = {
    function.__name__: function
    for function in (
        dynamic_input,
        five_dimensional_input,
        reshape_to_five_dimensions,
        transpose_of_five_dimensions,
        zero_dimension_input,
        zero_dimension_inside,
        float64_input,
        int64_input,
        string_input,
        convolution_3d,
        pooling_3d,
        quantized_uint8,
        training_step,
        gradient_output,
        training_batch_norm,
        surviving_batch_norm,
        written_variable,
        unknown_op,
        cycle,
        missing_node,
        duplicate_node,
        recursion,
        truncated_frozen,
        truncated_text,
        corrupt_frozen,
        empty_file,
        missing_file,
        plain_folder,
        empty_folder,
        truncated_saved_model,
        truncated_shard,
        truncated_index,
        corrupt_index,
        missing_shard,
        missing_variables,
    )
}


def main(arguments: list[str]) -> None:
    """Writes the named models, or all, each into a folder of its own."""
    for name in arguments[1:] or list(REJECTED):
        folder = Path(arguments[0]) / name
        folder.mkdir(parents=True)
        REJECTED[name](folder)


if __name__ == "__main__":
    main(sys.argv[1:])
