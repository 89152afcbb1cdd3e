"""Small helpers the family modules share: operands and attributes of an op, and arithmetic on dimensions.

Everything here that finds an op wrong raises InferenceError with a clause that begins with the op's kind, so that a
caller only has to put the user's name before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from modelc.ir.attributes import BadAttributeError, get, ints
from modelc.ir.constants import constant
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.types import NONE, Dim, Element, Shape, TensorType, format_shape

Pair = tuple[int, int]


def mismatch(op: Op, text: str) -> InferenceError:
    """Return the error that says `text`, a clause such as "cannot add f32[2] to f32[3]", of `op`."""
    return InferenceError(f"{op.kind.removeprefix('ge.')} {text}")


# -- operands


def operand(op: Op, index: int) -> TensorType:
    """Return the type of operand `index`, which must be a tensor."""
    if index >= len(op.inputs):
        raise mismatch(op, f"needs at least {index + 1} operands and has {len(op.inputs)}")
    type_ = op.inputs[index].type
    if not isinstance(type_, TensorType):
        raise mismatch(op, f"needs a tensor as operand {index}, not a {type_}")
    return type_


def tensors(op: Op) -> tuple[TensorType, ...]:
    """Return the types of all operands, at least one, each a tensor."""
    return tuple(operand(op, index) for index in range(max(1, len(op.inputs))))


def given(op: Op, index: int) -> Value | None:
    """Return optional operand `index`, None where it is left out."""
    if index >= len(op.inputs) or op.inputs[index].type is NONE:
        return None
    return op.inputs[index]


def optional(op: Op, index: int) -> TensorType | None:
    """Return the type of optional operand `index`, None where it is left out."""
    return None if given(op, index) is None else operand(op, index)


def constant_ints(op: Op, index: int) -> tuple[int, ...] | None:
    """Return the integers of operand `index` in order, None where they are not known."""
    operand(op, index)
    array = constant(op.inputs[index])
    if array is None:
        return None
    if array.dtype.kind not in "iu":
        raise mismatch(op, f"needs integers as operand {index}, not {op.inputs[index].type}")
    return tuple(int(item) for item in array.reshape(-1))


def constant_int(op: Op, index: int) -> int | None:
    """Return the one integer of operand `index`, None where it is not known."""
    numbers = constant_ints(op, index)
    if numbers is None:
        return None
    if len(numbers) != 1:
        raise mismatch(op, f"needs one integer as operand {index}, not {len(numbers)}")
    return numbers[0]


def common_element(op: Op, types: Iterable[TensorType]) -> Element | None:
    """Return the element type that all of `types` share, None where none is known."""
    found = [type_.element for type_ in types if type_.element is not None]
    if any(element != found[0] for element in found):
        raise mismatch(op, f"needs operands of one element type, not {' and '.join(dict.fromkeys(map(str, found)))}")
    return found[0] if found else None


def need_family(op: Op, type_: TensorType, *families: str) -> None:
    """Raise unless the element type, where known, is of one of `families` (`float`, `int`, ...)."""
    if type_.element is not None and type_.element.family not in families:
        raise mismatch(op, f"takes no {type_.element}")


def need_rank(op: Op, type_: TensorType, rank: int, what: str = "an operand") -> tuple[Dim, ...]:
    """Return the dimensions of `type_`, all unknown for an unknown rank; raises for another rank than `rank`."""
    if type_.shape is None:
        return (None,) * rank
    if len(type_.shape) != rank:
        raise mismatch(op, f"needs {what} with {rank} dimensions, not {type_}")
    return type_.shape


# -- attributes


def integer(op: Op, name: str, default: int | None = None) -> int:
    """Return an integer attribute."""
    try:
        return get(op.attributes, name, int, default)
    except BadAttributeError as error:
        raise mismatch(op, f"is wrong: {error}") from error


def number(op: Op, name: str, default: float | None = None) -> float:
    """Return a floating-point attribute."""
    try:
        return get(op.attributes, name, float, default)
    except BadAttributeError as error:
        raise mismatch(op, f"is wrong: {error}") from error


def flag(op: Op, name: str, default: bool | None = None) -> bool:
    """Return a boolean attribute."""
    try:
        return get(op.attributes, name, bool, default)
    except BadAttributeError as error:
        raise mismatch(op, f"is wrong: {error}") from error


def text(op: Op, name: str, default: str | None = None) -> str:
    """Return a text attribute."""
    try:
        return get(op.attributes, name, str, default)
    except BadAttributeError as error:
        raise mismatch(op, f"is wrong: {error}") from error


def integers(op: Op, name: str, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
    """Return an attribute that is a list of integers."""
    try:
        return ints(op.attributes, name, default)
    except BadAttributeError as error:
        raise mismatch(op, f"is wrong: {error}") from error


def element(op: Op, name: str, default: Element | None = None) -> Element:
    """Return an attribute that is an element type."""
    try:
        return get(op.attributes, name, Element, default)
    except BadAttributeError as error:
        raise mismatch(op, f"is wrong: {error}") from error


# -- dimensions


def plus(dim: Dim, amount: int) -> Dim:
    """Return `dim + amount`, unknown where that is not a number or a symbol."""
    if amount == 0:
        return dim
    return dim + amount if isinstance(dim, int) else None


def total(dims: Iterable[Dim]) -> Dim:
    """Return the sum of `dims`; a symbol survives only beside zeros."""
    rest = [dim for dim in dims if dim != 0]
    if len(rest) == 1:
        return rest[0]
    known = [dim for dim in rest if isinstance(dim, int)]
    return sum(known) if len(known) == len(rest) else None


def product(dims: Iterable[Dim]) -> Dim:
    """Return the product of `dims`; a symbol survives only beside ones."""
    rest = [dim for dim in dims if dim != 1]
    if any(dim == 0 for dim in rest):
        return 0
    if len(rest) == 1:
        return rest[0]
    known = [dim for dim in rest if isinstance(dim, int)]
    return math.prod(known) if len(known) == len(rest) else None


def equal_dims(op: Op, a: Dim, b: Dim, what: str) -> Dim:
    """Return the more that is known of two dimensions that must be equal; raises when they cannot be."""
    if isinstance(a, int) and isinstance(b, int) and a != b:
        raise mismatch(op, f"needs equal {what}, not {a} and {b}")
    if isinstance(a, int) or b is None:
        return a
    return b if isinstance(b, int) or a is None else a


def equal_shapes(op: Op, *shapes: Shape, what: str = "shapes") -> Shape:
    """Return the most that is known of shapes that must be equal; raises when they cannot be."""
    result: Shape = None
    for shape in shapes:
        if result is None or shape is None:
            result = result if shape is None else shape
            continue
        if len(result) != len(shape):
            raise mismatch(op, f"needs equal {what}, not {format_shape(result)} and {format_shape(shape)}")
        result = tuple(equal_dims(op, a, b, what) for a, b in zip(result, shape, strict=True))
    return result


def broadcast(op: Op, *shapes: Shape) -> Shape:
    """Return the shape that `shapes` broadcast to under numpy's rule; raises when they do not."""
    if any(shape is None for shape in shapes):
        return None
    known = [shape for shape in shapes if shape is not None]
    rank = max(map(len, known), default=0)
    result: list[Dim] = [1] * rank
    for shape in known:
        for index, dim in enumerate(shape, start=rank - len(shape)):
            if _clash(result[index], dim):
                raise mismatch(op, f"cannot broadcast {' with '.join(map(format_shape, known))}")
            result[index] = _broadcast_dims(result[index], dim)
    return tuple(result)


def _clash(a: Dim, b: Dim) -> bool:
    return isinstance(a, int) and isinstance(b, int) and a != b and 1 not in (a, b)


def _broadcast_dims(a: Dim, b: Dim) -> Dim:
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    # A number other than 1 decides: the other dimension can only be 1 or that number.
    return next((dim for dim in (a, b) if isinstance(dim, int)), None)


def positive_axis(op: Op, axis: int, rank: int) -> int:
    """Return `axis` counted from the front; raises when it is not an axis of a tensor of that rank."""
    if not -rank <= axis < rank:
        raise mismatch(op, f"has no axis {axis} among {rank} dimensions")
    return axis % rank


def positive_axes(op: Op, axes: Iterable[int], rank: int) -> tuple[int, ...]:
    """Return `axes` counted from the front, sorted, each once."""
    return tuple(sorted({positive_axis(op, axis, rank) for axis in axes}))


# -- windows


def channel_axis(layout: str) -> int:
    """Return the position of the channels in `NHWC`, `NCHW`, `NDHWC`, ..."""
    return layout.index("C")


def spatial_axes(layout: str) -> tuple[int, ...]:
    """Return the positions of height and width, depth before them, in `NHWC`, `NCHW`, `NDHWC`, ..."""
    return tuple(layout.index(letter) for letter in "DHW" if letter in layout)


def spatial(layout: str, numbers: Sequence[int]) -> tuple[int, ...]:
    """Return the entries of a list in the order of `layout` that belong to its spatial axes."""
    return tuple(numbers[axis] for axis in spatial_axes(layout))


def spatial_numbers(op: Op, name: str, layout: str, numbers: Sequence[int]) -> tuple[int, ...]:
    """Return the entries of `name`, a list of positive numbers, that belong to the spatial axes.

    The list has one entry per axis, then those of batch and channels must be 1; or one per spatial axis.
    """
    found = tuple(numbers)
    if len(found) == len(layout):
        if any(found[layout.index(letter)] != 1 for letter in "NC"):
            raise mismatch(op, f"needs `{name}` with 1 for batch and channels of {layout}, not {list(found)}")
        found = spatial(layout, found)
    if len(found) != len(layout) - 2 or min(found) < 1:
        raise mismatch(op, f"needs `{name}` with a positive number for each of {layout}, not {list(numbers)}")
    return found


def pad_pairs(op: Op, layout: str) -> tuple[Pair, ...]:
    """Return the attribute `pads` as (before, after) of each spatial axis."""
    count = 2 * len(layout) - 4
    numbers = integers(op, "pads", (0,) * count)
    if len(numbers) != count or min(numbers) < 0:
        raise mismatch(op, f"needs `pads` with {count} numbers, none negative, not {list(numbers)}")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def data_format(op: Op, *allowed: str) -> str:
    """Return the attribute `data_format`, by default the first one allowed; raises for one that is not allowed."""
    found = text(op, "data_format", allowed[0])
    if found not in allowed:
        raise mismatch(op, f"is laid out as {' or '.join(allowed)}, not {found}")
    return found


def window_size(dim: Dim, kernel: Dim, stride: int, dilation: int, pads: Pair) -> Dim:
    """Return how often a window fits into a padded dimension, at least 0; unknown where that is not known."""
    if not isinstance(dim, int) or not isinstance(kernel, int):
        return dim if kernel == 1 and stride == 1 and pads == (0, 0) else None
    reach = (kernel - 1) * dilation + 1
    return max(0, (dim + sum(pads) - reach) // stride + 1)


def same_size(dim: Dim, stride: int) -> Dim:
    """Return the extent that `SAME` padding gives."""
    if stride == 1:
        return dim
    return -(-dim // stride) if isinstance(dim, int) else None


def same_pads(size: int, kernel: int, stride: int, dilation: int = 1) -> Pair:
    """Return what `SAME` padding puts before and after a dimension of extent `size`."""
    reach = (kernel - 1) * dilation + 1
    needed = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return needed // 2, needed - needed // 2
