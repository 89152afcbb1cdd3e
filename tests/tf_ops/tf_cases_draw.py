"""Ops that draw random numbers, and those on sequences, sets and learning data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from tf_arrays import SINGLES, Array, Draw, calls, flip, ints, numbers, pick, scalar, shapes, whole
from tf_harness import Call, Check, Known, Operand, add, same

Rng = np.random.Generator
DRAWN = ("float32", "float64", "float16", "bfloat16")
SAME_SEED = {"seed": 7, "seed2": 12}


def _shape(draw: Draw) -> Known:
    return ints(*draw(shapes(0, 3, 9)))


# -- numbers that are the same as TensorFlow's

for op_type in ("RandomUniform", "RandomStandardNormal", "TruncatedNormal"):
    add(
        op_type,
        calls(lambda d, rng: Call({"shape": _shape(d)}, {"dtype": pick(d, DRAWN), **SAME_SEED})),
        rounding=8,
    )


def _bounds(draw: Draw, rng: Rng) -> dict[str, Operand]:
    name = pick(draw, ("int32", "int64"))
    return {"minval": scalar(whole(draw, -9, 0), name), "maxval": scalar(whole(draw, 1, 99), name)}


def _seed(draw: Draw) -> Array:
    return np.array([whole(draw, -(2**31), 2**31), whole(draw, 0, 9)], np.int64)


def _key(draw: Draw, rng: Rng) -> dict[str, Operand]:
    counter = rng.integers(0, 2**63, 2).astype(np.uint64)
    return {
        "key": rng.integers(0, 2**63, 1).astype(np.uint64),
        "counter": counter,
        "alg": scalar(pick(draw, [1, 3])),
    }


add("RandomUniformInt", calls(lambda d, rng: Call({"shape": _shape(d), **_bounds(d, rng)}, SAME_SEED)))
for op_type in ("StatelessRandomGetKeyCounter", "StatelessRandomGetKeyCounterAlg"):
    add(op_type, calls(lambda draw, rng: Call({"seed": _seed(draw)})))
add("StatelessRandomGetAlg", calls(lambda draw, rng: Call({})))
for op_type in ("StatelessRandomUniformV2", "StatelessRandomNormalV2", "StatelessTruncatedNormalV2"):
    add(
        op_type,
        calls(lambda d, rng: Call({"shape": _shape(d), **_key(d, rng)}, {"dtype": pick(d, DRAWN)})),
        rounding=8,
    )
WORDS = ("int32", "int64", "uint32", "uint64")
add(
    "StatelessRandomUniformFullInt",
    calls(lambda d, rng: Call({"shape": _shape(d), "seed": _seed(d)}, {"dtype": pick(d, WORDS)})),
)
add(
    "StatelessRandomUniformFullIntV2",
    calls(lambda d, rng: Call({"shape": _shape(d), **_key(d, rng)}, {"dtype": pick(d, WORDS)})),
)
add(
    "StatelessRandomUniformInt",
    calls(lambda d, rng: Call({"shape": _shape(d), "seed": _seed(d), **_bounds(d, rng)})),
)
add(
    "StatelessRandomUniformIntV2",
    calls(lambda d, rng: Call({"shape": _shape(d), **_key(d, rng), **_bounds(d, rng)})),
)


def _categories(draw: Draw, rng: Rng, *seed: str) -> Call:
    logits = numbers(rng, (whole(draw, 1, 4), whole(draw, 1, 5)), pick(draw, SINGLES))
    operands: dict[str, Operand] = {"logits": logits, "num_samples": scalar(whole(draw, 0, 9))}
    operands |= {name: _seed(draw) for name in seed}
    return Call(operands, {"output_dtype": pick(draw, ["int32", "int64"]), **({} if seed else SAME_SEED)})


add("Multinomial", calls(_categories))
add("StatelessMultinomial", calls(lambda draw, rng: _categories(draw, rng, "seed")))

# -- numbers of which only the distribution is


def _like(found: Sequence[Array], expected: Sequence[Array]) -> None:
    assert [(part.dtype, part.shape) for part in found] == [(part.dtype, part.shape) for part in expected]


def _spread(low: float, high: float) -> Check:
    """Return the check that numbers lie between bounds, and that many have the mean that TensorFlow's have."""

    def check(call: Call, found: Sequence[Array], expected: Sequence[Array]) -> None:
        _like(found, expected)
        ours, theirs = (part[0].astype(np.float64) for part in (found, expected))
        assert ((ours >= low) & (ours <= high)).all()
        if ours.size:
            spread = theirs.std() + 0.5 * abs(theirs.mean()) + 1e-3
            assert abs(ours.mean() - theirs.mean()) < 8 * spread / np.sqrt(ours.size)

    return check


def _many(draw: Draw) -> Known:
    return ints(pick(draw, [0, 500]))


add(
    "NonDeterministicInts",
    calls(lambda d, rng: Call({"shape": _shape(d)}, {"dtype": pick(d, WORDS)})),
    check=lambda call, found, expected: _like(found, expected),
)
add(
    "RandomGamma",
    calls(
        lambda d, rng: Call(
            {"shape": _many(d), "alpha": numbers(rng, d(shapes(0, 1)), pick(d, SINGLES), 1.5, 1.5)},
            SAME_SEED,
        )
    ),
    check=_spread(0, np.inf),
)
add(
    "RandomPoissonV2",
    calls(
        lambda d, rng: Call(
            {"shape": _many(d), "rate": numbers(rng, d(shapes(0, 1)), "float32", 3, 3)},
            {"dtype": pick(d, ["int32", "int64", "float32"]), **SAME_SEED},
        )
    ),
    check=_spread(0, np.inf),
)
add(
    "StatelessRandomPoisson",
    calls(
        lambda d, rng: Call(
            {"shape": _many(d), "seed": _seed(d), "lam": np.array(3, np.float32)},
            {"dtype": pick(d, ["int64", "float32"])},
        )
    ),
    check=_spread(0, np.inf),
)
add(
    "StatelessRandomBinomial",
    calls(
        lambda d, rng: Call(
            {
                "shape": _many(d),
                "seed": _seed(d),
                "counts": np.array(9, np.float32),
                "probs": np.array(0.3, np.float32),
            },
            {"dtype": pick(d, ["int32", "int64", "float32"])},
        )
    ),
    check=_spread(0, 9),
)
add(
    "StatelessRandomGammaV2",
    calls(lambda d, rng: Call({"shape": _many(d), "seed": _seed(d), "alpha": np.array(1.5, np.float32)})),
    check=_spread(0, np.inf),
)
PARAMETERS = {"minvals": -1.0, "maxvals": 0.5, "means": 0.0}


def _truncated(draw: Draw, rng: Rng, deviation: str, **seed: Array) -> Call:
    parameters = {name: np.array(value, np.float32) for name, value in PARAMETERS.items()}
    operands: dict[str, Operand] = {"shape": _many(draw), **parameters, deviation: np.array(2, np.float32), **seed}
    return Call(operands, {} if seed else SAME_SEED)


add("ParameterizedTruncatedNormal", calls(lambda d, rng: _truncated(d, rng, "stdevs")), check=_spread(-1, 0.5))
add(
    "StatelessParameterizedTruncatedNormal",
    calls(lambda d, rng: _truncated(d, rng, "stddevs", seed=_seed(d))),
    check=_spread(-1, 0.5),
)


def _check_order(call: Call, found: Sequence[Array], expected: Sequence[Array]) -> None:
    _like(found, expected)
    np.testing.assert_array_equal(np.sort(found[0], 0), np.sort(expected[0], 0))


add(
    "RandomShuffle",
    calls(lambda d, rng: Call({"value": numbers(rng, (whole(d, 0, 9),), "int32")}, SAME_SEED)),
    check=_check_order,
)


def _check_crop(call: Call, found: Sequence[Array], expected: Sequence[Array]) -> None:
    _like(found, expected)
    begin, size, boxes = (part.astype(np.float64) for part in found)
    height, width = 60, 80
    assert (begin >= 0).all()
    assert begin[0] + size[0] <= height
    assert begin[1] + size[1] <= width
    assert (begin[2], size[2]) == (0, -1)
    corners = np.array([begin[0], begin[1], begin[0] + size[0], begin[1] + size[1]]) / [height, width, height, width]
    np.testing.assert_allclose(boxes[0, 0], corners, atol=1e-6)
    assert 0.09 < size[0] * size[1] / (height * width) <= 1.0
    assert 0.7 < size[1] / size[0] < 1.45


def _distorted(draw: Draw, rng: Rng, *operands: str) -> Call:
    found: dict[str, Any] = {
        "image_size": np.array([60, 80, 3], pick(draw, ["int32", "int64"])),
        "bounding_boxes": np.array([[[0.2, 0.3, 0.6, 0.8]]], np.float32),
        "min_object_covered": np.array(0.2, np.float32),
        "seed": _seed(draw),
    }
    attributes: dict[str, Any] = {"area_range": [0.1, 0.8], "aspect_ratio_range": [0.75, 1.33]}
    seeds = {} if "seed" in operands else SAME_SEED
    return Call({name: found[name] for name in ("image_size", "bounding_boxes", *operands)}, {**attributes, **seeds})


add("SampleDistortedBoundingBox", calls(_distorted), check=_check_crop)
add("SampleDistortedBoundingBoxV2", calls(lambda d, rng: _distorted(d, rng, "min_object_covered")), check=_check_crop)
add(
    "StatelessSampleDistortedBoundingBox",
    calls(lambda d, rng: _distorted(d, rng, "min_object_covered", "seed")),
    check=_check_crop,
)

# -- candidates


def _check_candidates(call: Call, found: Sequence[Array], expected: Sequence[Array]) -> None:
    _like(found, expected)
    drawn, wanted, counts = found
    if call.attributes["unique"]:
        assert len(set(drawn.tolist())) == len(drawn)
        # How often a class is to be expected depends on how many draws it took.
        ratio = np.sort(wanted.reshape(-1)) / np.maximum(np.sort(np.asarray(expected[1]).reshape(-1)), 1e-6)
        assert ((ratio > 0.4) & (ratio < 2.5)).all()
    else:
        same(wanted, np.asarray(expected[1]), 256)
    assert len(counts) == len(drawn)


def _sampler(extra: Callable[[Draw], dict[str, Any]]) -> st.SearchStrategy[Call]:
    def build(draw: Draw, rng: Rng) -> Call:
        width = whole(draw, 1, 2)
        classes = rng.integers(0, 20, (whole(draw, 1, 3), width))
        sizes = {"num_true": width, "num_sampled": whole(draw, 1, 5), "unique": flip(draw)}
        return Call({"true_classes": classes}, {**sizes, **extra(draw), **SAME_SEED})

    return calls(build)


RANGED = (
    "LearnedUnigramCandidateSampler",
    "LogUniformCandidateSampler",
    "ThreadUnsafeUnigramCandidateSampler",
    "UniformCandidateSampler",
)
for op_type in RANGED:
    add(op_type, _sampler(lambda draw: {"range_max": 20}), check=_check_candidates)
add(
    "FixedUnigramCandidateSampler",
    _sampler(
        lambda draw: {
            "range_max": 20,
            "unigrams": [1.0 + i for i in range(20)],
            "distortion": pick(draw, [1.0, 0.5]),
        }
    ),
    check=_check_candidates,
)


def _all_candidates(draw: Draw, rng: Rng) -> Call:
    return Call(
        {"true_classes": rng.integers(0, 6, (2, 1))}, {"num_true": 1, "num_sampled": 6, "unique": True, **SAME_SEED}
    )


add("AllCandidateSampler", calls(_all_candidates))


def _hits(draw: Draw, rng: Rng) -> Call:
    width = whole(draw, 1, 3)
    classes = rng.integers(0, 6, (whole(draw, 0, 4), width))
    return Call({"true_classes": classes, "sampled_candidates": rng.permutation(6)[:4]}, {"num_true": width})


add("ComputeAccidentalHits", calls(_hits))

# -- sequences


def _logits(draw: Draw, rng: Rng, names: Sequence[str] = SINGLES) -> dict[str, Operand]:
    steps, batch, classes = whole(draw, 2, 6), whole(draw, 1, 3), whole(draw, 2, 4)
    lengths = rng.integers(1, steps + 1, batch).astype(np.int32)
    return {"inputs": numbers(rng, (steps, batch, classes), pick(draw, names)), "sequence_length": lengths}


def _greedy(draw: Draw, rng: Rng) -> Call:
    return Call(_logits(draw, rng), {"merge_repeated": flip(draw)})


def _beam(draw: Draw, rng: Rng) -> Call:
    attributes = {"beam_width": 200, "top_paths": whole(draw, 1, 2), "merge_repeated": flip(draw)}
    return Call(_logits(draw, rng, ("float32",)), attributes)  # what else is summed in single precision too


def _loss(draw: Draw, rng: Rng) -> Call:
    steps, batch, classes = whole(draw, 4, 6), whole(draw, 1, 3), whole(draw, 3, 4)
    counts = rng.integers(1, 3, batch)
    indices = np.array([[row, at] for row, count in enumerate(counts) for at in range(count)], np.int64)
    operands: dict[str, Operand] = {
        "inputs": numbers(rng, (steps, batch, classes), "float32"),
        "labels_indices": indices,
    }
    operands["labels_values"] = rng.integers(0, classes - 1, len(indices)).astype(np.int32)
    operands["sequence_length"] = np.full(batch, steps, np.int32)
    return Call(operands, {"preprocess_collapse_repeated": flip(draw)})


add("CTCGreedyDecoder", calls(_greedy), rounding=64)
add("CTCBeamSearchDecoder", calls(_beam), rounding=256)
add("CTCLoss", calls(_loss), rounding=256)


def _sparse_rows(rng: Rng, rows: int, width: int, most: int) -> tuple[Array, Array, Array]:
    places = [[row, at] for row in range(rows) for at in range(rng.integers(0, width + 1))]
    values = rng.integers(0, most, len(places)).astype(np.int64)
    return np.array(places, np.int64).reshape(-1, 2), values, np.array([rows, width], np.int64)


def _distance(draw: Draw, rng: Rng) -> Call:
    rows = whole(draw, 1, 3)
    parts: dict[str, Operand] = {}
    for side in ("hypothesis", "truth"):
        found = _sparse_rows(rng, rows, whole(draw, 1, 5), 3)
        names = (f"{side}_{part}" for part in ("indices", "values", "shape"))
        parts |= dict(zip(names, (*found[:2], Known(found[2])), strict=True))
    return Call(parts, {"normalize": flip(draw)})


add("EditDistance", calls(_distance), rounding=8)

# -- sets

OPERATIONS = ("a-b", "b-a", "intersection", "union")


def _dense_sets(draw: Draw, rng: Rng) -> Call:
    rows = draw(shapes(1, 2, 3, empty=False))
    name = pick(draw, ("int32", "int64"))
    sets = [numbers(rng, (*rows, whole(draw, 1, 4)), name, 0, 4) for _ in "ab"]
    return Call({"set1": sets[0], "set2": sets[1]}, {"set_operation": pick(draw, OPERATIONS)})


def _ordered_rows(rng: Rng, rows: int, width: int) -> tuple[Array, Array, Array]:
    indices, values, shape = _sparse_rows(rng, rows, width, 5)
    for row in range(rows):
        values[indices[:, 0] == row] = np.sort(values[indices[:, 0] == row])
    return indices, values, shape


def _mixed_sets(draw: Draw, rng: Rng) -> Call:
    rows = whole(draw, 1, 3)
    indices, values, shape = _ordered_rows(rng, rows, 4)
    dense = numbers(rng, (rows, whole(draw, 1, 4)), "int64", 0, 4)
    operands: dict[str, Operand] = {"set1": dense, "set2_indices": indices, "set2_values": values, "set2_shape": shape}
    return Call(operands, {"set_operation": pick(draw, OPERATIONS)})


def _set_sizes(draw: Draw, rng: Rng) -> Call:
    indices, values, shape = _ordered_rows(rng, whole(draw, 1, 3), 4)
    return Call({"set_indices": indices, "set_values": values, "set_shape": Known(shape)})


add("DenseToDenseSetOperation", calls(_dense_sets))
add("DenseToSparseSetOperation", calls(_mixed_sets))
add("SetSize", calls(_set_sizes))


def _counts(draw: Draw, rng: Rng) -> Call:
    values = rng.integers(0, 6, pick(draw, [(7,), (2, 5), (0,)])).astype(pick(draw, ["int32", "int64"]))
    weights = numbers(rng, pick(draw, [(0,), values.shape]), pick(draw, ("float32", "int32")), 1, 3)
    limits = {"minlength": pick(draw, [-1, 3, 9]), "maxlength": pick(draw, [-1, 4])}
    return Call({"values": values, "weights": weights}, {**limits, "binary_output": flip(draw)})


add("DenseCountSparseOutput", calls(_counts), rounding=16)


def _sparse_softmax(draw: Draw, rng: Rng) -> Call:
    indices, values, shape = _sparse_rows(rng, whole(draw, 1, 3), 5, 9)
    return Call({"sp_indices": indices, "sp_values": values.astype(pick(draw, SINGLES)), "sp_shape": shape})


add("SparseSoftmax", calls(_sparse_softmax), rounding=32)


def _to_dense(draw: Draw, rng: Rng) -> Call:
    shape = draw(shapes(1, 2, empty=False))
    places = rng.permutation(int(np.prod(shape)))[: whole(draw, 1, 4)]
    indices = np.stack(np.unravel_index(np.sort(places), shape), 1).astype(np.int32)
    operands: dict[str, Operand] = {"sparse_indices": indices, "output_shape": ints(*shape)}
    operands |= {"sparse_values": numbers(rng, (len(places),), "float32"), "default_value": np.array(-1, np.float32)}
    return Call(operands)


add("SparseToDense", calls(_to_dense))

# -- learning


def _fingerprint(draw: Draw, rng: Rng) -> Call:
    data = numbers(rng, (whole(draw, 1, 3), whole(draw, 1, 40)), pick(draw, ("uint8", "float32", "int64")))
    return Call({"data": data, "method": Known(np.array(b"farmhash64", object))})


add("Fingerprint", calls(_fingerprint))
add(
    "IsotonicRegression",
    calls(lambda d, rng: Call({"input": numbers(rng, (whole(d, 1, 3), whole(d, 1, 7)), "float32")})),
    rounding=16,
)
