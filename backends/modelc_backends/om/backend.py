"""The two targets of this package: `.om`, and `.air` for the tools that build device kernels."""

from __future__ import annotations

from pathlib import Path

from modelc.backend import PLAIN, Artifact, Backend, WriteOptions
from modelc.ir.model import Model
from modelc_backends.files.fitting import fitting, with_outside
from modelc_backends.files.names import safe
from modelc_backends.files.outside import Outside
from modelc_backends.files.stream import Stream
from modelc_backends.files.writer import write_atomically
from modelc_backends.om.emit import emit
from modelc_backends.om.header import U32_MAX, Header, pack_table, table_size
from modelc_backends.om.layouts import layouts
from modelc_backends.om.numbers import Partition
from modelc_backends.pipelines import TARGET

OM_KIND = "IR-level .om: graph and weights, no device kernels"
AIR_KIND = ".air: graph and weights, for atc to build device kernels from"


def write_om(model: Model, path: Path, options: WriteOptions = PLAIN) -> Artifact:
    """Write a model as an `.om` without kernels, all or nothing."""
    name = om_name(model)
    definition, outside = _definition(model, name, path, options)
    stream = wrap(definition, name)
    digest = write_atomically(stream, path, outside)
    lacking = " (without the constants that lie outside)" if outside else ""
    steps = (
        f"see it with `modelc inspect {path}`, or{lacking} `atc --mode=1 --om={path} --json=FILE`, or Netron",
        "a device refuses it, for it holds no kernels: compile with `--target air` and let a CANN `atc` build them",
    )
    return with_outside(Artifact(path, "om", OM_KIND, digest, stream.nbytes, steps), outside, options)


def write_air(model: Model, path: Path, options: WriteOptions = PLAIN) -> Artifact:
    """Write a model as an `.air`, all or nothing."""
    stream, outside = _definition(model, safe(model.name), path, options)
    digest = write_atomically(stream, path, outside)
    step = f"where CANN is installed: `atc --framework=1 --model={path} --output={path.stem} --soc_version=NAME`"
    return with_outside(Artifact(path, "air", AIR_KIND, digest, stream.nbytes, (step,)), outside, options)


def om_name(model: Model) -> str:
    """Return the name that the model of an `.om` without kernels has in it."""
    return f"{safe(model.name)}_original"


def wrap(definition: Stream, name: str) -> Stream:
    """Return the `.om` whose only partition is a serialized `ModelDef`; `name` goes into the header."""
    wide = table_size(1, wide=False) + definition.nbytes > U32_MAX
    table = pack_table([(Partition.MODEL_DEF, definition.nbytes)], wide)
    stream = Stream()
    stream.add(Header(name, len(table) + definition.nbytes, wide).pack() + table)
    stream.extend(definition)
    return stream


def _definition(model: Model, name: str, path: Path, options: WriteOptions) -> tuple[Stream, Outside | None]:
    return fitting(model, path, options, lambda outside: emit(model, name, outside))


OM = Backend("om", ".om", "Ascend offline model, the graph without kernels", write_om, TARGET, layouts)
AIR = Backend(
    "air", ".air", "Ascend intermediate representation, for CANN's atc to build kernels", write_air, TARGET, layouts
)
