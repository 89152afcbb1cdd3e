"""Ops that move elements, make them, join and cut them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from tf_arrays import (
    NUMBERS,
    SINGLES,
    Array,
    Draw,
    axis_of,
    calls,
    fed,
    flip,
    ints,
    numbers,
    pick,
    scalar,
    shapes,
    whole,
)
from tf_harness import Call, Known, Operand, add

Rng = np.random.Generator
ANY = (*NUMBERS, "bool", "complex64")
INDEX = ("int32", "int64")

# -- what hands its operand on

for op_type in ("Copy", "CopyHost", "GuaranteeConst", "Identity", "Snapshot", "StopGradient"):
    add(op_type, calls(lambda draw, rng: Call({"input": draw(fed(shapes(), ANY))})))
add("DeepCopy", calls(lambda draw, rng: Call({"x": draw(fed(shapes(), ANY))})))
for op_type in ("DebugIdentityV2", "PreventGradient"):
    add(op_type, calls(lambda draw, rng: Call({"input": draw(fed(shapes(), SINGLES))})))
add(
    "DebugIdentity",
    calls(lambda draw, rng: Call({"input": draw(fed(shapes(), SINGLES))}, {"tensor_name": "x:0"})),
)
for op_type in ("CheckNumerics", "CheckNumericsV2"):
    add(op_type, calls(lambda draw, rng: Call({"tensor": draw(fed(shapes(), SINGLES))}, {"message": "wrong"})))


def _many(draw: Draw, rng: Rng) -> list[Array]:
    return [numbers(rng, draw(shapes()), pick(draw, ANY)) for _ in range(whole(draw, 1, 3))]


add("IdentityN", calls(lambda draw, rng: Call({"input": _many(draw, rng)})))
add("Print", calls(lambda draw, rng: Call({"input": draw(fed(shapes(), SINGLES)), "data": _many(draw, rng)})))


def _ensured(draw: Draw, rng: Rng) -> Call:
    array = draw(fed(shapes(), ANY))
    stated = [dim if flip(draw) else None for dim in array.shape]
    return Call({"input": array}, {"shape": stated})


add("EnsureShape", calls(_ensured))


def _default(draw: Draw, rng: Rng) -> Call:
    array = draw(fed(shapes(), SINGLES))
    return Call({"input": Known(array)}, {"shape": array.shape})


add("PlaceholderWithDefault", calls(_default))

# -- shapes

for op_type in ("Shape", "Size"):
    add(
        op_type,
        calls(lambda d, rng: Call({"input": d(fed(shapes(), ANY))}, {"out_type": pick(d, INDEX)})),
    )
add("Rank", calls(lambda draw, rng: Call({"input": draw(fed(shapes(), ANY))})))


def _shapes_of(draw: Draw, rng: Rng) -> Call:
    name = pick(draw, ANY)
    arrays = [numbers(rng, draw(shapes()), name) for _ in range(whole(draw, 1, 3))]
    return Call({"input": arrays}, {"out_type": pick(draw, INDEX)})


add("ShapeN", calls(_shapes_of))


def _reshape(draw: Draw, rng: Rng) -> Call:
    shape = draw(shapes())
    target = draw(st.permutations(shape)) + [1] * whole(draw, 0, 2)
    if 0 not in shape and target and flip(draw):
        target[whole(draw, 0, len(target) - 1)] = -1
    return Call({"tensor": numbers(rng, shape, pick(draw, ANY)), "shape": ints(*target)})


add("Reshape", calls(_reshape))


def _expand(draw: Draw, rng: Rng) -> Call:
    array = draw(fed(shapes(0, 3), ANY))
    axis = scalar(whole(draw, -array.ndim - 1, array.ndim), pick(draw, INDEX))
    return Call({"input": array, "dim": axis})


add("ExpandDims", calls(_expand))


def _squeeze(draw: Draw, rng: Rng) -> Call:
    shape = tuple(draw(st.lists(st.sampled_from([0, 1, 1, 3]), max_size=4)))
    ones = [axis for axis, dim in enumerate(shape) if dim == 1]
    axes = draw(st.lists(st.sampled_from(ones), unique=True)) if ones else []
    signed = [axis - len(shape) if flip(draw) else axis for axis in axes]
    return Call({"input": numbers(rng, shape, pick(draw, ANY))}, {"squeeze_dims": signed})


add("Squeeze", calls(_squeeze))


def _transposed(names: tuple[str, ...]) -> st.SearchStrategy[Call]:
    def build(draw: Draw, rng: Rng) -> Call:
        array = draw(fed(shapes(), names))
        perm = draw(st.permutations(range(array.ndim)))
        return Call({"x": array, "perm": ints(*perm, dtype=pick(draw, INDEX))})

    return calls(build)


add("Transpose", _transposed(ANY))
add("ConjugateTranspose", _transposed(NUMBERS))  # to the target, complex numbers have no conjugate


def _broadcast_to(draw: Draw, rng: Rng) -> Call:
    target = draw(shapes(0, 4))
    kept = target[whole(draw, 0, len(target)) :]
    shape = [1 if flip(draw) else dim for dim in kept]
    return Call({"input": numbers(rng, tuple(shape), pick(draw, ANY)), "shape": ints(*target)})


add("BroadcastTo", calls(_broadcast_to))


def _broadcast_args(draw: Draw, rng: Rng) -> Call:
    target = draw(shapes(0, 4, empty=False))
    parts = [[1 if flip(draw) else dim for dim in target[whole(draw, 0, len(target)) :]] for _ in "ab"]
    name = pick(draw, INDEX)
    return Call({"s0": np.array(parts[0], name), "s1": np.array(parts[1], name)})


add("BroadcastArgs", calls(_broadcast_args))


def _tile(draw: Draw, rng: Rng) -> Call:
    array = draw(fed(shapes(0, 3), ANY))
    times = [whole(draw, 0, 3) for _ in array.shape]
    return Call({"input": array, "multiples": ints(*times, dtype=pick(draw, INDEX))})


add("Tile", calls(_tile))

# -- making


def _filled(draw: Draw, rng: Rng) -> Call:
    return Call({"dims": ints(*draw(shapes())), "value": numbers(rng, (), pick(draw, ANY))})


add("Fill", calls(_filled))
add(
    "Empty",
    calls(lambda d, rng: Call({"shape": ints(*d(shapes()))}, {"dtype": pick(d, ANY), "init": True})),
)


def _range(draw: Draw, rng: Rng) -> Call:
    name = pick(draw, ["int32", "int64", "float32", "float64"])
    start, step = whole(draw, -5, 5), pick(draw, [-3, -1, 1, 2])
    limit = start + step * whole(draw, 0, 5)
    half = 0.5 if name.startswith("f") else 0
    names = ("start", "limit", "delta")
    return Call({n: scalar(v, name) for n, v in zip(names, (start, limit + half, step), strict=True)})


add("Range", calls(_range))


def _linspace(draw: Draw, rng: Rng) -> Call:
    name = pick(draw, SINGLES)
    count = scalar(whole(draw, 1, 9))
    return Call({"start": numbers(rng, (), name), "stop": numbers(rng, (), name), "num": count})


add("LinSpace", calls(_linspace))


def _one_hot(draw: Draw, rng: Rng) -> Call:
    shape, name = draw(shapes(0, 3)), pick(draw, ("float32", "int32", "bool"))
    indices = rng.integers(-1, 5, shape).astype(pick(draw, ("int32", "int64", "uint8")))
    values: dict[str, Operand] = {"on_value": Known(numbers(rng, (), name)), "off_value": Known(numbers(rng, (), name))}
    depth = scalar(whole(draw, 0, 4))
    return Call({"indices": indices, "depth": depth, **values}, {"axis": whole(draw, -1, len(shape))})


add("OneHot", calls(_one_hot))

# -- joining


def _concat(axis_name: str, first: bool, values: str = "values") -> st.SearchStrategy[Call]:
    def build(draw: Draw, rng: Rng) -> Call:
        shape, name = draw(shapes(1)), pick(draw, ANY)
        axis = draw(axis_of(len(shape)))
        parts = []
        for _ in range(whole(draw, 2, 4)):
            dims = list(shape)
            dims[axis] = whole(draw, 0, 3)
            parts.append(numbers(rng, tuple(dims), name))
        where = scalar(axis if not first or axis >= 0 else axis + len(shape))
        return Call({values: parts, axis_name: where})

    return calls(build)


add("Concat", _concat("concat_dim", True))
add("ConcatV2", _concat("axis", False))


def _concat_offset(draw: Draw, rng: Rng) -> Call:
    shape = draw(shapes(1, 4))
    axis = whole(draw, 0, len(shape) - 1)
    parts = []
    for _ in range(whole(draw, 2, 4)):
        dims = list(shape)
        dims[axis] = whole(draw, 0, 3)
        parts.append(Known(np.array(dims, np.int32)))
    return Call({"concat_dim": scalar(axis), "shape": parts})


add("ConcatOffset", calls(_concat_offset))


def _packed(draw: Draw, rng: Rng) -> Call:
    shape, name = draw(shapes(0, 3)), pick(draw, ANY)
    parts = [numbers(rng, shape, name) for _ in range(whole(draw, 1, 4))]
    return Call({"values": parts}, {"axis": whole(draw, -len(shape) - 1, len(shape))})


add("Pack", calls(_packed))


def _parallel(draw: Draw, rng: Rng) -> Call:
    shape, name = (1, *draw(shapes(0, 3, empty=False))), pick(draw, SINGLES)
    parts = [numbers(rng, shape, name) for _ in range(whole(draw, 2, 4))]
    return Call({"values": parts}, {"shape": (len(parts), *shape[1:])})


add("ParallelConcat", calls(_parallel))

# -- cutting


def _unpack(draw: Draw, rng: Rng) -> Call:
    array = draw(fed(shapes(1, 4, empty=False), ANY))
    axis = draw(axis_of(array.ndim))
    return Call({"value": array}, {"num": array.shape[axis], "axis": axis})


add("Unpack", calls(_unpack))


def _split(draw: Draw, rng: Rng) -> Call:
    shape = list(draw(shapes(1)))
    axis, parts = draw(axis_of(len(shape))), whole(draw, 1, 3)
    shape[axis] *= parts
    array = numbers(rng, tuple(shape), pick(draw, ANY))
    return Call({"split_dim": scalar(axis), "value": array}, {"num_split": parts})


def _split_sizes(draw: Draw, rng: Rng) -> Call:
    shape, sizes = list(draw(shapes(1))), draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    axis = draw(axis_of(len(shape)))
    shape[axis] = sum(sizes)
    stated = list(sizes)
    if flip(draw):
        stated[whole(draw, 0, len(sizes) - 1)] = -1
    array = numbers(rng, tuple(shape), pick(draw, ANY))
    operands: dict[str, Operand] = {"value": array, "size_splits": ints(*stated), "split_dim": scalar(axis)}
    return Call(operands, {"num_split": len(sizes)})


add("Split", calls(_split))
add("SplitV", calls(_split_sizes))


def _slice(draw: Draw, rng: Rng) -> Call:
    array = draw(fed(shapes(), ANY))
    begin = [whole(draw, 0, dim) for dim in array.shape]
    size = [whole(draw, -1, dim - at) for dim, at in zip(array.shape, begin, strict=True)]
    name = pick(draw, INDEX)
    return Call({"input": array, "begin": ints(*begin, dtype=name), "size": ints(*size, dtype=name)})


add("Slice", calls(_slice))
MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


def _strided(draw: Draw, rng: Rng) -> Call:
    array = draw(fed(shapes(0, 3), ANY))
    masks, axis = dict.fromkeys(MASKS, 0), 0
    ranges: list[tuple[int, int, int]] = []
    while axis < array.ndim and len(ranges) < 5:
        position, dim = len(ranges), array.shape[axis]
        way = pick(draw, ["slice", "slice", "shrink", "new", "ellipsis"])
        if way == "ellipsis" and masks["ellipsis_mask"]:
            way = "slice"
        stride = pick(draw, [-2, -1, 1, 2, 3]) if way == "slice" else 1
        begin, end = whole(draw, -dim - 1, dim + 1), whole(draw, -dim - 1, dim + 1)
        if way == "shrink" and dim:
            begin = draw(axis_of(dim))
            masks["shrink_axis_mask"] |= 1 << position
        elif way in ("new", "ellipsis"):
            masks["new_axis_mask" if way == "new" else "ellipsis_mask"] |= 1 << position
        else:
            masks["begin_mask"] |= whole(draw, 0, 1) << position
            masks["end_mask"] |= whole(draw, 0, 1) << position
        axis += {"new": 0, "ellipsis": 1}.get(way, 1)
        ranges.append((begin, end, stride))
    begins, ends, strides = zip(*ranges, strict=True) if ranges else ((), (), ())
    operands: dict[str, Operand] = {"input": array, "begin": ints(*begins), "end": ints(*ends)}
    return Call({**operands, "strides": ints(*strides)}, masks)


add("StridedSlice", calls(_strided))


def _reverse(draw: Draw, rng: Rng) -> Call:
    array = draw(fed(shapes(1), ANY))
    axes = draw(st.lists(st.integers(0, array.ndim - 1), unique=True))
    signed = [axis - array.ndim if flip(draw) else axis for axis in axes]
    return Call({"tensor": array, "axis": ints(*signed, dtype=pick(draw, INDEX))})


def _reverse_flags(draw: Draw, rng: Rng) -> Call:
    array = draw(fed(shapes(1), SINGLES))
    return Call({"tensor": array, "dims": Known(np.array([flip(draw) for _ in array.shape]))})


add("ReverseV2", calls(_reverse))
add("Reverse", calls(_reverse_flags))


def _reverse_sequence(draw: Draw, rng: Rng) -> Call:
    array = draw(fed(shapes(2, 4), ANY))
    batch, sequence = draw(st.permutations(range(array.ndim)))[:2]
    lengths = rng.integers(0, array.shape[sequence] + 1, array.shape[batch])
    operands: dict[str, Operand] = {"input": array, "seq_lengths": lengths.astype(pick(draw, INDEX))}
    return Call(operands, {"seq_dim": sequence, "batch_dim": batch})


add("ReverseSequence", calls(_reverse_sequence))


def _roll(draw: Draw, rng: Rng) -> Call:
    array = draw(fed(shapes(1), SINGLES))
    axes = draw(st.lists(axis_of(array.ndim), min_size=1, max_size=3))
    shifts = [whole(draw, -7, 7) for _ in axes]
    return Call({"input": array, "shift": ints(*shifts), "axis": ints(*axes)})


add("Roll", calls(_roll))

# -- padding


def _pairs(draw: Draw, rank: int, most: int = 2) -> Array:
    return np.array([[whole(draw, 0, most), whole(draw, 0, most)] for _ in range(rank)], np.int32).reshape(-1, 2)


def _pad(draw: Draw, rng: Rng) -> dict[str, Operand]:
    array = draw(fed(shapes(1), ANY))
    return {"input": array, "paddings": Known(_pairs(draw, array.ndim))}


def _pad_by(draw: Draw, rng: Rng) -> Call:
    operands = _pad(draw, rng)
    array = operands["input"]
    assert isinstance(array, np.ndarray)
    return Call({**operands, "constant_values": Known(numbers(rng, (), array.dtype.name))})


def _mirror(draw: Draw, rng: Rng) -> Call:
    array = draw(fed(shapes(1, 4, empty=False), SINGLES))
    mode = pick(draw, ["REFLECT", "SYMMETRIC"])
    most = min(array.shape) - (mode == "REFLECT")
    return Call({"input": array, "paddings": Known(_pairs(draw, array.ndim, most))}, {"mode": mode})


add("Pad", calls(lambda draw, rng: Call(_pad(draw, rng))))
add("PadV2", calls(_pad_by))
add("MirrorPad", calls(_mirror))


def _blocks(draw: Draw, rng: Rng) -> tuple[list[int], list[int], Array]:
    """Return spatial extents, blocks, and what is padded so that blocks fit."""
    count = whole(draw, 1, 2)
    extents, blocks = [whole(draw, 1, 4) for _ in range(count)], [whole(draw, 1, 3) for _ in range(count)]
    before = [whole(draw, 0, 2) for _ in range(count)]
    after = [-(e + b) % block for e, b, block in zip(extents, before, blocks, strict=True)]
    return extents, blocks, np.array([before, after], np.int32).T.copy()


def _space_to_batch(draw: Draw, rng: Rng) -> Call:
    extents, blocks, pads = _blocks(draw, rng)
    shape = (whole(draw, 1, 2), *extents, *draw(shapes(0, 1, empty=False)))
    array = numbers(rng, shape, pick(draw, ANY))
    return Call({"input": array, "block_shape": ints(*blocks), "paddings": Known(pads)})


def _batch_to_space(draw: Draw, rng: Rng) -> Call:
    extents, blocks, _ = _blocks(draw, rng)
    crops = np.array(
        [[whole(draw, 0, 1) for _ in "ab"] if e * b > 2 else [0, 0] for e, b in zip(extents, blocks, strict=True)]
    )
    shape = (whole(draw, 1, 2) * int(np.prod(blocks)), *extents, *draw(shapes(0, 1, empty=False)))
    array = numbers(rng, shape, pick(draw, ANY))
    return Call({"input": array, "block_shape": ints(*blocks), "crops": Known(crops.astype(np.int32))})


def _old_space_to_batch(draw: Draw, rng: Rng) -> Call:
    block = whole(draw, 2, 3)
    pads = np.array([[1, -(3 + 1) % block], [0, -4 % block]], np.int32)
    array = numbers(rng, (2, 3, 4, 2), pick(draw, SINGLES))
    return Call({"input": array, "paddings": Known(pads)}, {"block_size": block})


def _old_batch_to_space(draw: Draw, rng: Rng) -> Call:
    block = whole(draw, 2, 3)
    array = numbers(rng, (2 * block**2, 2, 3, 2), pick(draw, SINGLES))
    crops = np.array([[whole(draw, 0, 1) for _ in "ab"] for _ in "hw"], np.int32)
    return Call({"input": array, "crops": Known(crops)}, {"block_size": block})


add("SpaceToBatchND", calls(_space_to_batch))
add("BatchToSpaceND", calls(_batch_to_space))
add("SpaceToBatch", calls(_old_space_to_batch))
add("BatchToSpace", calls(_old_batch_to_space))


def _depth(draw: Draw, rng: Rng, spread: bool) -> Call:
    block = whole(draw, 2, 3)
    plane, depth = (2, 1) if spread else (2 * block, 3 * block), 2 * block**2 if spread else 2
    array = numbers(rng, (whole(draw, 1, 2), *plane, depth), pick(draw, ("float32", "int32", "uint8")))
    return Call({"input": array}, {"block_size": block})


add("DepthToSpace", calls(lambda draw, rng: _depth(draw, rng, True)))
add("SpaceToDepth", calls(lambda draw, rng: _depth(draw, rng, False)))


def _formats(draw: Draw, operand: Any) -> Call:
    ways = [("NHWC", "NCHW"), ("NCHW", "NHWC"), ("NHWC", "NHWC")]
    source, target = pick(draw, ways)
    return Call({"x": Known(operand)}, {"src_format": source, "dst_format": target})


add(
    "DataFormatDimMap",
    calls(lambda draw, rng: _formats(draw, rng.integers(-4, 4, draw(shapes(0, 2))).astype(np.int32))),
)
add(
    "DataFormatVecPermute",
    calls(lambda draw, rng: _formats(draw, rng.integers(0, 9, pick(draw, [(4,), (4, 2)])).astype(np.int32))),
)
