"""Telling TensorFlow's files apart by their first bytes, and parsing their text forms."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from modelc.diagnostics.diagnostic import Fix, fail
from modelc.frontends.tensorflow.protos import message
from modelc.frontends.wire import BadVarintError, read_varint

SAVED_MODEL, GRAPH_DEF, META_GRAPH = "SavedModel", "GraphDef", "MetaGraphDef"

_LINE = 100
_MOST_TEXT = 512 << 20
_FIRST_FIELD = re.compile(rb"(?:\s|#[^\n]*\n)*(\w+)\s*[:{]")
_OP_TYPE = re.compile(rb"[A-Za-z0-9_.>/-]+")

_TEXT_FIELDS = {
    b"saved_model_schema_version": SAVED_MODEL,
    b"meta_graphs": SAVED_MODEL,
    b"node": GRAPH_DEF,
    b"library": GRAPH_DEF,
    b"versions": GRAPH_DEF,
    b"meta_info_def": META_GRAPH,
    b"graph_def": META_GRAPH,
}
_FIRST, _SECOND, _NUMBER = 0x0A, 0x12, 0x08  # tags: bytes in field 1 or 2, a number in field 1


def text_kind(head: bytes) -> str:
    """Return which message a file with this beginning holds as text, empty for none."""
    match = _FIRST_FIELD.match(head)
    return _TEXT_FIELDS.get(match[1].lower(), "") if match and b"\0" not in head else ""


def binary_kind(head: bytes) -> str:
    """Return which message a file with this beginning holds, empty for none."""
    try:
        if head[0] == _NUMBER:  # a SavedModel's schema version, its meta graphs, and their description
            _, version_end = read_varint(head, 1)
            _, content = read_varint(head, version_end + 1)
            return SAVED_MODEL if head[version_end] == _SECOND and head[content] == _FIRST else ""
        if head[0] != _FIRST:
            return ""
        size, content = read_varint(head, 1)
        if _is_node(head, content):
            return GRAPH_DEF
        following = head[content + size : content + size + 1]
        return META_GRAPH if following in (b"", b"\x12") and _is_meta_info(head, content) else ""
    except (BadVarintError, IndexError):
        return ""


def _is_meta_info(head: bytes, index: int) -> bool:
    """Whether a list of op definitions, tags or a version is at `index`."""
    tag = head[index]
    size, index = read_varint(head, index + 1)
    if tag == _SECOND:  # the list: its first op, and the name of that
        _, index = read_varint(head, index + 1)
        size, index = read_varint(head, index + 1)
    return tag in _META_INFO and _OP_TYPE.fullmatch(head[index : index + size]) is not None


_META_INFO = b"\x0a\x12\x22\x2a"


def _is_node(head: bytes, index: int) -> bool:
    """Whether a name and the name of an op type are at `index`."""
    if head[index] != _FIRST:
        return False
    size, index = read_varint(head, index + 1)
    index += size
    if head[index] != _SECOND:
        return False
    size, index = read_varint(head, index + 1)
    return _OP_TYPE.fullmatch(head[index : index + size]) is not None


def _shortened(text: str) -> str:
    line = text.partition("\n")[0]
    return line if len(line) <= _LINE else f"{line[:_LINE]}..."


def parse_text(path: Path, name: str) -> Any:
    """Return the message called `name` that the file at `path` holds as text.

    Raises:
        ModelcError: The text does not parse; the finding says where.
    """
    try:
        if path.stat().st_size > _MOST_TEXT:
            raise fail("MC118", f"`{path.name}` is a text of more than {_MOST_TEXT >> 20} MiB", file=str(path))
        text = path.read_bytes().decode()
        return text_format.Parse(text, message(name)(), allow_unknown_extension=True, allow_unknown_field=True)
    except OSError as error:
        raise fail("MC101", f"cannot read `{path.name}`: {error.strerror}", file=str(path)) from error
    except RecursionError:
        problem = "messages are nested too deep"
    except (text_format.ParseError, ValueError, OverflowError) as error:
        problem = _shortened(str(error))
    raise fail(
        "MC105",
        f"`{path.name}` does not parse as the text of a {name}: {problem}",
        file=str(path),
        fixes=[Fix("export or copy the file again")],
    )
