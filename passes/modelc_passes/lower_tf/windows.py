"""Padding of windows: TensorFlow says how, the Graph Engine wants numbers."""

from __future__ import annotations

from collections.abc import Sequence

from modelc.dialects.ge.helpers import same_pads, spatial_axes
from modelc.ir.types import Dim
from modelc_passes.lower_tf.site import Site, UnsupportedFormError

LAYOUTS = {4: ("NHWC", "NCHW"), 5: ("NDHWC", "NCDHW")}


def layout(site: Site, rank: int = 4) -> str:
    """Return the attribute `data_format`, which must be one that the Graph Engine knows too."""
    found = site.text("data_format", LAYOUTS[rank][0])
    if found not in LAYOUTS[rank]:
        raise UnsupportedFormError(f"has the layout {found}, supported are {' and '.join(LAYOUTS[rank])}")
    return found


def at_axes(numbers: Sequence[Dim], axes: Sequence[int]) -> tuple[Dim, ...]:
    """Return the entries of `numbers` at `axes`."""
    return tuple(numbers[axis] for axis in axes)


def window_pads(site: Site, sizes: Sequence[Dim], kernel: Sequence[Dim], data_format: str) -> tuple[int, ...]:
    """Return the padding of a window before and after each spatial dimension.

    Args:
        site: An op with `padding`, `strides` and perhaps `dilations` and `explicit_paddings`.
        sizes: Extents of what the window moves over.
        kernel: Extents of the window.
        data_format: The layout.
    """
    axes = spatial_axes(data_format)
    padding = site.text("padding")
    if padding == "VALID":
        return (0,) * (2 * len(axes))
    if padding == "EXPLICIT":
        return _explicit(site, axes)
    if padding != "SAME":
        raise UnsupportedFormError(f"has the padding {padding}, supported are SAME, VALID and EXPLICIT")
    strides, dilations = _steps(site, "strides", data_format), _steps(site, "dilations", data_format)
    return tuple(
        pad
        for axis, size, extent in zip(axes, sizes, kernel, strict=True)
        for pad in _same(site, size, extent, strides[axis], dilations[axis])
    )


def _steps(site: Site, name: str, data_format: str) -> tuple[int, ...]:
    numbers = site.integers(name, (1,) * len(data_format))
    if len(numbers) != len(data_format) or min(numbers) < 1:
        raise UnsupportedFormError(
            f"has the {name} {list(numbers)}, needed is a positive number for each of {data_format}"
        )
    return numbers


def _same(site: Site, size: Dim, extent: Dim, stride: int, dilation: int) -> tuple[int, int]:
    if not isinstance(extent, int):
        raise site.unknown("the extent of its window")
    if isinstance(size, int):
        return same_pads(size, extent, stride, dilation)
    if stride == 1:  # then the padding is the same for every extent
        return same_pads(1 << 20, extent, stride, dilation)
    raise site.unknown("the height and width of its input, because padding SAME depends on them")


def _explicit(site: Site, axes: Sequence[int]) -> tuple[int, ...]:
    numbers = site.integers("explicit_paddings")
    if len(numbers) != 2 * (len(axes) + 2):
        raise UnsupportedFormError(f"has {len(numbers)} explicit paddings, needed are {2 * (len(axes) + 2)}")
    return tuple(number for axis in axes for number in numbers[2 * axis : 2 * axis + 2])
