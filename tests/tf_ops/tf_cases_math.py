"""Ops taken element by element, reductions, and scans."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from tf_arrays import (
    COMPLEX,
    EDGES,
    FLOATS,
    HALVES,
    INTEGERS,
    NUMBERS,
    SINGLES,
    Array,
    Draw,
    axis_of,
    broadcast,
    calls,
    fed,
    flip,
    generators,
    ints,
    numbers,
    pick,
    scalar,
    shapes,
    unary,
    whole,
    with_edges,
)
from tf_harness import Call, add

Rng = np.random.Generator
SIGNED = (*FLOATS, "int32", "int64", "int8", "int16")
GENTLE = (0.0, 1.0, -1.0)

# -- one operand: types, range, roundings

UNARY: dict[str, tuple[tuple[str, ...], float, float, float]] = {
    "Abs": (SIGNED, -5, 5, 1),
    "Acos": (FLOATS, -1.2, 1.2, 8),
    "Acosh": (FLOATS, 0.5, 9, 16),
    "Asin": (FLOATS, -1.2, 1.2, 8),
    "Asinh": (FLOATS, -50, 50, 8),
    "Atan": (FLOATS, -9, 9, 8),
    "Atanh": (FLOATS, -1.2, 1.2, 16),
    "BesselI0e": (SINGLES, -60, 60, 8),
    "BesselI1e": (SINGLES, -60, 60, 8),
    "Ceil": (FLOATS, -5, 5, 1),
    "Cos": ((*FLOATS, *COMPLEX), -9, 9, 8),
    "Cosh": (FLOATS, -5, 5, 16),
    "Dawsn": (SINGLES, -20, 20, 16),
    "Digamma": (SINGLES, -5, 20, 64),
    "Erf": (FLOATS, -3, 3, 8),
    "Erfc": (FLOATS, -3, 3, 16),
    "Exp": ((*FLOATS, *COMPLEX), -5, 5, 16),
    "Expint": (SINGLES, -1, 30, 64),
    "Expm1": (FLOATS, -2, 2, 16),
    "Floor": (FLOATS, -5, 5, 1),
    "FresnelCos": (SINGLES, -8, 8, 32),
    "FresnelSin": (SINGLES, -8, 8, 32),
    "Inv": (FLOATS, -5, 5, 4),
    "Invert": (INTEGERS, -99, 99, 1),
    "IsFinite": (FLOATS, -5, 5, 1),
    "IsInf": (FLOATS, -5, 5, 1),
    "IsNan": (FLOATS, -5, 5, 1),
    "Lgamma": (SINGLES, -5, 20, 64),
    "Log": ((*FLOATS, *COMPLEX), -1, 9, 8),
    "Log1p": (FLOATS, -1.2, 5, 8),
    "LogicalNot": (("bool",), 0, 1, 1),
    "Ndtri": (SINGLES, -0.1, 1.1, 128),
    "Neg": ((*SIGNED, *COMPLEX), -5, 5, 1),
    "OnesLike": ((*NUMBERS, "bool"), -5, 5, 1),
    "Reciprocal": (FLOATS, -5, 5, 4),
    "Rint": (FLOATS, -5, 5, 1),
    "Round": (FLOATS, -5, 5, 1),
    "Rsqrt": (FLOATS, -1, 9, 8),
    "Sigmoid": (FLOATS, -20, 20, 16),
    "Sign": ((*SIGNED, *COMPLEX), -5, 5, 4),
    "Sin": ((*FLOATS, *COMPLEX), -9, 9, 8),
    "Sinh": (FLOATS, -5, 5, 16),
    "Spence": (SINGLES, -1, 9, 64),
    "Sqrt": ((*FLOATS, *COMPLEX), -1, 9, 4),
    "Square": ((*SIGNED, *COMPLEX), -5, 5, 4),
    "Tan": (FLOATS, -9, 9, 64),
    "Tanh": (FLOATS, -9, 9, 16),
    "ZerosLike": ((*NUMBERS, "bool"), -5, 5, 1),
}
for op_type, (names, low, high, rounding) in UNARY.items():
    # At poles and at infinity, what TensorFlow has of these depends on the type.
    edges = GENTLE[1:2] if op_type in ("Digamma", "Expint", "Spence") else EDGES
    add(op_type, unary("x", names, low, high, edges), rounding=rounding)

FEATURES: dict[str, float] = {"Elu": 16, "Relu": 1, "Relu6": 1, "Selu": 16, "Softplus": 32, "Softsign": 8}
for op_type, rounding in FEATURES.items():
    add(op_type, unary("features", FLOATS, -9, 9), rounding=rounding)
add(
    "LeakyRelu",
    calls(lambda draw, rng: Call({"features": draw(fed(shapes(), FLOATS))}, {"alpha": pick(draw, [0.0, 0.2, 2.0])})),
)
for op_type in ("Conj", "PopulationCount"):
    operand, names = ("input", COMPLEX) if op_type == "Conj" else ("x", ("int8", "uint8", "int16", "int32", "int64"))
    add(op_type, unary(operand, names, -99, 99))


def _part(draw: Draw, rng: Rng) -> Call:
    name = pick(draw, COMPLEX)
    array = numbers(rng, draw(shapes()), name)
    return Call({"input": array}, {"Tout": "float32" if name == "complex64" else "float64"})


for op_type in ("Angle", "Imag", "Real"):
    add(op_type, calls(_part), rounding=8)
add("ComplexAbs", calls(lambda draw, rng: Call({"x": (made := _part(draw, rng)).operands["input"]}, made.attributes)))


@st.composite
def _complex(draw: Draw) -> Call:
    made: Call = draw(broadcast(("real", "imag"), SINGLES))
    array = made.operands["real"]
    assert isinstance(array, np.ndarray)
    return Call(made.operands, {"Tout": "complex64" if array.dtype == np.float32 else "complex128"})


add("Complex", _complex())
add("L2Loss", calls(lambda draw, rng: Call({"t": draw(fed(shapes(), FLOATS))})), rounding=16)


@st.composite
def _cast(draw: Draw) -> Call:
    rng, source = draw(generators()), pick(draw, (*NUMBERS, "bool", *COMPLEX))
    target = pick(draw, (*NUMBERS, "bool", *COMPLEX))
    return Call({"x": numbers(rng, draw(shapes()), source, 0, 120)}, {"DstT": target})


add("Cast", _cast(), rounding=1)
WIDTHS = {
    "float32": ("int32", "int8", "float16"),
    "int8": ("uint8",),
    "int64": ("float64", "int32"),
    "uint8": ("int8",),
}


@st.composite
def _bitcast(draw: Draw) -> Call:
    source = pick(draw, sorted(WIDTHS))
    target = pick(draw, WIDTHS[source])
    return Call({"input": numbers(draw(generators()), draw(shapes(1)), source)}, {"type": target})


add("Bitcast", _bitcast())

# -- several operands that broadcast

ARITHMETIC = (*SIGNED, "uint8", *COMPLEX)
BINARY: dict[str, tuple[tuple[str, ...], float]] = {
    "Add": (ARITHMETIC, 1),
    "AddV2": (ARITHMETIC, 1),
    "Div": ((*FLOATS, *COMPLEX), 4),
    "DivNoNan": (FLOATS, 4),
    "FloorDiv": ((*SINGLES, "int32", "int64", "int8", "uint8"), 4),
    "FloorMod": ((*SINGLES, "int32", "int64"), 16),
    "Greater": (NUMBERS, 1),
    "GreaterEqual": (NUMBERS, 1),
    "Less": (NUMBERS, 1),
    "LessEqual": (NUMBERS, 1),
    "Maximum": (NUMBERS, 1),
    "Minimum": (NUMBERS, 1),
    "Mod": ((*SINGLES, "int32", "int64"), 16),
    "Mul": (ARITHMETIC, 4),
    "MulNoNan": (FLOATS, 4),
    "RealDiv": ((*FLOATS, *COMPLEX), 4),
    "SquaredDifference": (("float32", "float64", "int32", "int64"), 4),
    "Sub": (ARITHMETIC, 1),
    "TruncateDiv": (("int32", "int64", "int8", "uint8"), 1),
    "TruncateMod": ((*SINGLES, "int32", "int64"), 16),
    "Xdivy": (SINGLES, 8),
    "Xlog1py": (SINGLES, 8),
    "Xlogy": (SINGLES, 8),
}
DIVIDES = ("FloorDiv", "FloorMod", "Mod", "TruncateDiv", "TruncateMod")
for op_type, (names, rounding) in BINARY.items():
    if op_type in DIVIDES:
        # Never by 0: integers have no result then; and what remains of infinity is nothing.
        add(op_type, broadcast(("x", "y"), names, [(-50, 50), (1, 9)], (1.0, 2.0)), rounding=rounding)
    else:
        ranges = [(-5.0, 5.0), (0.1, 5.0)] if op_type.startswith("Xlog") else ()
        add(op_type, broadcast(("x", "y"), names, ranges), rounding=rounding)
for op_type in ("LogicalAnd", "LogicalOr"):
    add(op_type, broadcast(("x", "y"), ("bool",)))
for op_type in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
    add(op_type, broadcast(("x", "y"), INTEGERS))
for op_type in ("LeftShift", "RightShift"):
    add(op_type, broadcast(("x", "y"), INTEGERS, [(-50, 50), (0, 7)]))
for op_type in ("Equal", "NotEqual"):
    add(op_type, broadcast(("x", "y"), (*NUMBERS, "bool"), [(0, 2), (0, 2)]))
add("Atan2", broadcast(("y", "x"), FLOATS), rounding=8)
add("Pow", broadcast(("x", "y"), FLOATS, [(0.1, 3), (-3, 3)], GENTLE[:2]), rounding=32)
add("NextAfter", broadcast(("x1", "x2"), SINGLES, edges=(0.0, 1.0, np.inf)), rounding=0)
add(
    "Betainc", calls(lambda draw, rng: _special(draw, rng, ("a", "b", "x"), [(0.1, 9), (0.1, 9), (0, 1)])), rounding=512
)
add("Igamma", calls(lambda draw, rng: _special(draw, rng, ("a", "x"), [(0.1, 9), (0, 20)])), rounding=256)
add("Igammac", calls(lambda draw, rng: _special(draw, rng, ("a", "x"), [(0.1, 9), (0, 20)])), rounding=256)
add("IgammaGradA", calls(lambda draw, rng: _special(draw, rng, ("a", "x"), [(0.5, 9), (0.5, 9)])), rounding=4096)
add("Zeta", calls(lambda draw, rng: _special(draw, rng, ("x", "q"), [(1.1, 9), (0.5, 20)])), rounding=64)


def _special(draw: Draw, rng: Rng, operands: tuple[str, ...], ranges: list[tuple[float, float]]) -> Call:
    """Return operands of one shape, in single precision as a rule: what TensorFlow has here is not exact."""
    shape, name = draw(shapes()), pick(draw, ("float32", "float64"))
    arrays = [numbers(rng, shape, name, *each) for each in ranges]
    if flip(draw) and operands != ("x", "q"):
        arrays[-1] = with_edges(rng, arrays[-1], (0.0, 1.0, np.nan))
    return Call(dict(zip(operands, arrays, strict=True)))


def _same_shape(draw: Draw, rng: Rng) -> Call:
    shape, name = draw(shapes()), pick(draw, SINGLES)
    return Call({"x": numbers(rng, shape, name), "y": numbers(rng, shape, name)}, {"tolerance": 2.5})


add("ApproximateEqual", calls(_same_shape))


def _cross(draw: Draw, rng: Rng) -> Call:
    shape, name = (*draw(shapes(0, 3)), 3), pick(draw, SIGNED)
    return Call({"a": numbers(rng, shape, name), "b": numbers(rng, shape, name)})


add("Cross", calls(_cross), rounding=8)


def _clip(draw: Draw, rng: Rng) -> Call:
    shape, name = draw(shapes()), pick(draw, ("float32", "float64", "int32", "int64"))
    bounds = pick(draw, [(), shape])
    low, high = numbers(rng, bounds, name, -3, 0), numbers(rng, bounds, name, 0, 3)
    return Call({"t": numbers(rng, shape, name), "clip_value_min": low, "clip_value_max": high})


add("ClipByValue", calls(_clip))


def _several(draw: Draw, rng: Rng) -> list[Array]:
    shape, name = draw(shapes()), pick(draw, ("float32", "float64", "int32"))
    return [numbers(rng, shape, name) for _ in range(whole(draw, 1, 4))]


add("AddN", calls(lambda draw, rng: Call({"inputs": _several(draw, rng)})), rounding=8)
add(
    "AccumulateNV2",
    calls(lambda draw, rng: Call({"inputs": (made := _several(draw, rng))}, {"shape": made[0].shape})),
    rounding=8,
)


def _select(draw: Draw, rng: Rng) -> Call:
    shape, name = draw(shapes()), pick(draw, (*NUMBERS, "bool"))
    lead = pick(draw, [shape, shape[:1] if shape and shape[0] else shape, ()])
    return Call({"condition": rng.random(lead) < 0.5, "t": numbers(rng, shape, name), "e": numbers(rng, shape, name)})


def _select_broadcast(draw: Draw, rng: Rng) -> Call:
    made: Call = draw(broadcast(("condition", "t", "e"), ("float32", "int32", "float16")))
    condition = made.operands["condition"]
    return Call({**made.operands, "condition": np.asarray(condition) > 0})


add("Select", calls(_select))
add("SelectV2", calls(_select_broadcast))


def _fake_quant(draw: Draw, rng: Rng, bounds: tuple[int, ...], shape: tuple[int, ...]) -> Call:
    operands: dict[str, Any] = {"inputs": numbers(rng, shape, "float32", -9, 9)}
    operands |= {"min": numbers(rng, bounds, "float32", -6, -0.1), "max": numbers(rng, bounds, "float32", 0.1, 6)}
    return Call(operands, {"num_bits": pick(draw, [4, 8, 16]), "narrow_range": flip(draw)})


add("FakeQuantWithMinMaxVars", calls(lambda draw, rng: _fake_quant(draw, rng, (), draw(shapes()))), rounding=64)
add(
    "FakeQuantWithMinMaxVarsPerChannel",
    calls(lambda draw, rng: _fake_quant(draw, rng, (3,), (*draw(shapes(0, 3)), 3))),
    rounding=64,
)
add(
    "FakeQuantWithMinMaxArgs",
    calls(
        lambda draw, rng: Call(
            {"inputs": numbers(rng, draw(shapes()), "float32", -9, 9)},
            {"min": -3.0, "max": 5.5, "num_bits": pick(draw, [4, 8]), "narrow_range": flip(draw)},
        )
    ),
    rounding=64,
)

# -- reductions and scans


def _reduction(names: tuple[str, ...], low: float = -5, high: float = 5) -> st.SearchStrategy[Call]:
    def build(draw: Draw, rng: Rng) -> Call:
        shape = draw(shapes(0, 4, empty=flip(draw)))
        axes = draw(st.lists(st.integers(0, len(shape) - 1), unique=True, max_size=len(shape))) if shape else []
        signed = [axis - len(shape) if flip(draw) else axis for axis in axes]
        array = numbers(rng, shape, pick(draw, names), low, high)
        axis_type = pick(draw, ["int32", "int64"])
        return Call({"input": array, "reduction_indices": ints(*signed, dtype=axis_type)}, {"keep_dims": flip(draw)})

    return calls(build)


REDUCTIONS = (*SINGLES, "int32", "int64")
add("Sum", _reduction((*REDUCTIONS, "float16", *COMPLEX)), rounding=64)
add("Mean", _reduction((*REDUCTIONS, "float16")), rounding=64)
add("Prod", _reduction(REDUCTIONS, -2, 2), rounding=256)
add("Max", _reduction((*REDUCTIONS, *HALVES, "uint8")))
add("Min", _reduction((*REDUCTIONS, *HALVES, "uint8")))
add("All", _reduction(("bool",)))
add("Any", _reduction(("bool",)))
add("EuclideanNorm", _reduction(SINGLES), rounding=32)


def _arg(draw: Draw, rng: Rng) -> Call:
    shape = draw(shapes(1, 4, empty=False))
    array = numbers(rng, shape, pick(draw, (*SINGLES, "int32", "uint8")), 0, 3)
    return Call(
        {"input": array, "dimension": scalar(draw(axis_of(len(shape))))},
        {"output_type": pick(draw, ["int32", "int64"])},
    )


add("ArgMax", calls(_arg))
add("ArgMin", calls(_arg))


def _scan(names: tuple[str, ...]) -> st.SearchStrategy[Call]:
    def build(draw: Draw, rng: Rng) -> Call:
        shape = draw(shapes(1))
        attributes = {"exclusive": flip(draw), "reverse": flip(draw)}
        array = numbers(rng, shape, pick(draw, names), -2, 2)
        return Call({"x": array, "axis": scalar(draw(axis_of(len(shape))))}, attributes)

    return calls(build)


add("Cumsum", _scan((*SINGLES, "int32", "int64")), rounding=32)
add("Cumprod", _scan((*SINGLES, "int32")), rounding=32)
add("CumulativeLogsumexp", _scan(SINGLES), rounding=64)


def _softmax(draw: Draw, rng: Rng) -> Call:
    array = numbers(rng, draw(shapes(1, empty=False)), pick(draw, FLOATS), -20, 20)
    return Call({"logits": with_edges(rng, array, (-np.inf, 0.0)) if flip(draw) else array})


add("Softmax", calls(_softmax), rounding=32)
add("LogSoftmax", calls(_softmax), rounding=64)


def _cross_entropy(draw: Draw, rng: Rng) -> Call:
    rows, classes = whole(draw, 1, 5), whole(draw, 1, 6)
    name = pick(draw, SINGLES)
    labels = numbers(rng, (rows, classes), name, 0.1, 1)
    return Call({"features": numbers(rng, (rows, classes), name), "labels": labels / labels.sum(1, keepdims=True)})


def _sparse_cross_entropy(draw: Draw, rng: Rng) -> Call:
    rows, classes = whole(draw, 1, 5), whole(draw, 1, 6)
    labels = rng.integers(0, classes, rows).astype(pick(draw, ["int32", "int64"]))
    return Call({"features": numbers(rng, (rows, classes), pick(draw, SINGLES)), "labels": labels})


add("SoftmaxCrossEntropyWithLogits", calls(_cross_entropy), rounding=64, results=1)
add("SparseSoftmaxCrossEntropyWithLogits", calls(_sparse_cross_entropy), rounding=64, results=1)
add(
    "Bucketize",
    calls(
        lambda draw, rng: Call(
            {"input": draw(fed(shapes(), ("float32", "float64", "int32", "int64")))}, {"boundaries": [-2.0, 0.0, 1.5]}
        )
    ),
)
add(
    "ToBool",
    calls(lambda draw, rng: Call({"input": draw(fed(shapes(), ("float32", "int32", "bool"), -1, 1))})),
)
