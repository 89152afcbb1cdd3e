"""Keys by which ops and attributes are compared: equal keys promise equal meaning."""

from __future__ import annotations

import struct
from collections.abc import Hashable

from modelc.ir.attributes import Attribute, Attributes, Dense
from modelc.ir.blob import Blob


def attribute_key(value: Attribute) -> Hashable:
    """Return a key of one attribute; 1, 1.0 and true differ, as do 0.0 and -0.0."""
    if isinstance(value, tuple):
        return tuple(attribute_key(item) for item in value)
    if isinstance(value, float):
        return ("float", struct.pack("<d", value))
    if isinstance(value, Blob):
        return ("blob", value.key)
    if isinstance(value, Dense):
        return ("dense", value.type, value.blob.key)
    return (type(value).__name__, value)


def attributes_key(attributes: Attributes) -> Hashable:
    """Return a key of all attributes of an op, whatever their order."""
    return tuple((name, attribute_key(attributes[name])) for name in sorted(attributes))
