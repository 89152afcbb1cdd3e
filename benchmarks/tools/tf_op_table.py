"""Write TensorFlow's op registry as the compact table that `modelc.dialects.tf.registry` reads.

Usage: python benchmarks/tools/tf_op_table.py compiler/modelc/dialects/tf/ops.json

Needs TensorFlow; the compiler itself only needs the table. Run it again for a newer TensorFlow.
"""

import json
import math
import os
import re
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

FORMAT = [
    "One op per line. An absent field is empty or false.",
    "in, out: arguments as name:TYPE. TYPE is a type attribute (T) or an element type (f32); N*TYPE is N",
    "tensors of one type; [A] are tensors typed by the list(type) attribute A; &TYPE refers to a variable.",
    "attrs: a kind alone has no default, [kind, default] has one. Types are written as element types, shapes",
    "as lists (-1 unknown, null unknown rank), infinities as 'inf' and '-inf', functions by name, tensors as",
    "type, shape and flat values.",
]

# Short names of tensorflow.DataType members; all others follow from `short_name`.
SHORT_NAMES = {
    "HALF": "f16",
    "FLOAT": "f32",
    "DOUBLE": "f64",
    "BFLOAT16": "bf16",
    "COMPLEX64": "c64",
    "COMPLEX128": "c128",
}


def short_name(data_type: int) -> str:
    """Returns the element type's name in the table: `i32` for DT_INT32."""
    from tensorflow.core.framework import types_pb2

    name = str(types_pb2.DataType.Name(data_type)).removeprefix("DT_")
    if name in SHORT_NAMES:
        return SHORT_NAMES[name]
    name = name.lower()
    name = re.sub(r"^float(\d+)_", r"f\1", name)
    return re.sub(r"^(q?)(u?)int(\d+)$", lambda m: f"{m[1]}{m[2] or 'i'}{m[3]}", name)


def argument(arg: Any, attribute_names: set[str]) -> str:
    """Returns an ArgDef in the table's notation."""
    if arg.type_list_attr:
        what = f"[{arg.type_list_attr}]"
    else:
        what = arg.type_attr or short_name(arg.type)
        if (what in attribute_names) != bool(arg.type_attr):
            raise ValueError(f"{arg.name}: cannot tell attribute {what!r} from an element type")
    reference = "&" if arg.is_ref else ""
    count = f"{arg.number_attr}*" if arg.number_attr else ""
    return f"{arg.name}:{count}{reference}{what}"


def number(value: float) -> float | str:
    """Returns the shortest decimal that is this float32, or 'inf', which JSON has no number for."""
    import numpy as np

    return float(str(np.float32(value))) if math.isfinite(value) else str(value)


def shape(proto: Any) -> list[int] | None:
    """Returns the dimensions of a TensorShapeProto."""
    return None if proto.unknown_rank else [dim.size for dim in proto.dim]


def tensor(proto: Any) -> dict[str, Any]:
    """Returns a TensorProto as its type, shape and flat values."""
    from tensorflow.python.framework import tensor_util

    values = tensor_util.MakeNdarray(proto)
    return {"type": short_name(proto.dtype), "shape": list(values.shape), "values": values.flatten().tolist()}


def default(value: Any) -> Any:
    """Returns an AttrValue in plain JSON."""
    field = value.WhichOneof("value")
    if field == "list":
        filled = [descriptor.name for descriptor, _ in value.list.ListFields()]
        return [scalar(name, item) for name in filled for item in getattr(value.list, name)]
    return scalar(field, getattr(value, field))


def scalar(field: str, value: Any) -> Any:
    """Returns one value of an AttrValue field in plain JSON."""
    match field:
        case "s":
            return value.decode("utf-8")
        case "type":
            return short_name(value)
        case "f":
            return number(value)
        case "shape":
            return shape(value)
        case "func":
            return value.name
        case "tensor":
            return tensor(value)
        case "i" | "b":
            return value
        case _:
            raise ValueError(f"no notation for a default of field {field}")


def entry(op: Any) -> dict[str, Any]:
    """Returns the table entry of an OpDef."""
    names = {attr.name for attr in op.attr}
    attributes = {
        attr.name: [attr.type, default(attr.default_value)] if attr.HasField("default_value") else attr.type
        for attr in op.attr
    }
    fields = {
        "in": [argument(arg, names) for arg in op.input_arg],
        "out": [argument(arg, names) for arg in op.output_arg],
        "attrs": attributes,
        "stateful": op.is_stateful,
        "commutative": op.is_commutative,
    }
    return {key: value for key, value in fields.items() if value}


def registry() -> list[Any]:
    """Returns all OpDefs that a plain `import tensorflow` registers, sorted by name."""
    import tensorflow  # noqa: F401  (registers the ops)
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session

    ops = op_def_pb2.OpList()
    ops.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return sorted(ops.op, key=lambda op: str(op.name))


def main() -> None:
    """Writes the table to the file named on the command line."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    table = {"_format": FORMAT} | {op.name: entry(op) for op in registry()}
    lines = [f'"{name}":{json.dumps(fields, separators=(",", ":"))}' for name, fields in table.items()]
    Path(sys.argv[1]).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
