"""The two targets of this package: `.om`, and `.air` for the tools that build device kernels."""

from __future__ import annotations

from pathlib import Path

from modelc.backend import Artifact, Backend
from modelc.ir.model import Model
from modelc_backends.om.emit import emit
from modelc_backends.om.header import Header, pack_table
from modelc_backends.om.names import safe
from modelc_backends.om.numbers import Partition
from modelc_backends.om.stream import Stream
from modelc_backends.om.writer import write_atomically
from modelc_backends.pipelines import TARGET

OM_KIND = "ir-level om"
AIR_KIND = "air"


def om_stream(model: Model) -> Stream:
    """Return the bytes of a model as an `.om` without kernels; raises ModelcError with all it cannot say."""
    name = f"{safe(model.name)}_original"
    return wrap(emit(model, name), name)


def air_stream(model: Model) -> Stream:
    """Return the bytes of a model as an `.air`; raises ModelcError with all it cannot say."""
    return emit(model, safe(model.name))


def wrap(definition: Stream, name: str) -> Stream:
    """Return the `.om` whose only partition is a serialized `ModelDef`; `name` goes into the header."""
    table = pack_table([(Partition.MODEL_DEF, definition.nbytes)])
    stream = Stream()
    stream.add(Header(name, len(table) + definition.nbytes).pack() + table)
    stream.extend(definition)
    return stream


def write_om(model: Model, path: Path) -> Artifact:
    """Write a model as an `.om` without kernels, all or nothing."""
    stream = om_stream(model)
    digest = write_atomically(stream, path)
    steps = (
        f"see it with `modelc inspect {path}`, `atc --mode=1 --om={path} --json=FILE`, or Netron",
        "a device refuses it, for it holds no kernels: compile with `--target air` and let a CANN `atc` build them",
    )
    return Artifact(path, "om", OM_KIND, digest, stream.nbytes, steps)


def write_air(model: Model, path: Path) -> Artifact:
    """Write a model as an `.air`, all or nothing."""
    stream = air_stream(model)
    digest = write_atomically(stream, path)
    step = f"where CANN is installed: `atc --framework=1 --model={path} --output={path.stem} --soc_version=NAME`"
    return Artifact(path, "air", AIR_KIND, digest, stream.nbytes, (step,))


OM = Backend("om", ".om", "Ascend offline model, the graph without kernels", write_om, TARGET)
AIR = Backend("air", ".air", "Ascend intermediate representation, for CANN's atc to build kernels", write_air, TARGET)
