"""What a folder is that holds no SavedModel, and what to give instead."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelc.diagnostics.diagnostic import Fix, ModelcError, fail

BINARY, TEXT = "saved_model.pb", "saved_model.pbtxt"
_SHOWN = 8
_LOOKED_AT = 1000


@dataclass(frozen=True, slots=True)
class _Kind:
    """Something a folder may hold in place of a SavedModel."""

    pattern: str
    title: str
    fix: str


_KINDS = (
    _Kind(f"*/{BINARY}", "a SavedModel one level deeper", "give the folder `{found}`"),
    _Kind(f"*/{TEXT}", "a SavedModel one level deeper", "give the folder `{found}`"),
    _Kind("*.keras", "a Keras file", "load it with `keras.models.load_model('{found}')` and `export` it to a folder"),
    _Kind("*.h5", "a Keras file", "load it with `keras.models.load_model('{found}')` and `export` it to a folder"),
    _Kind("model.json", "a TensorFlow.js model", "export the model that it was converted from as a SavedModel"),
    _Kind("*.pb", "a graph file", "give the file `{found}` itself"),
    _Kind("*.onnx", "an ONNX file", "give the file `{found}` itself"),
    _Kind("*.tflite", "a TensorFlow Lite file", "give the SavedModel that it was converted from"),
    _Kind("*.meta", "a checkpoint with its graph", "restore it with TensorFlow and save it as a SavedModel"),
    _Kind("*.index", "a checkpoint without a graph", "build the model, restore `{found}` into it, and `export` it"),
    _Kind("variables", "the variables of a SavedModel without its graph", f"copy the {BINARY} that belongs to them"),
)


def not_a_saved_model(folder: Path) -> ModelcError:
    """Return the error for a folder without a saved_model.pb, saying what was found there."""
    names = sorted(entry.name for entry, _ in zip(folder.iterdir(), range(_LOOKED_AT), strict=False))
    fixes = [Fix("give the folder that `model.export` or `tf.saved_model.save` wrote")]
    title = "" if names else "it is empty"
    for kind in _KINDS:
        found = sorted(path for path, _ in zip(folder.glob(kind.pattern), range(_LOOKED_AT), strict=False))
        if found:
            hit = found[0].parent if "/" in kind.pattern else found[0]
            fixes.insert(0, Fix(kind.fix.format(found=hit)))
            title = f"it holds {kind.title}"
            break
    return fail(
        "MC104",
        f"folder `{folder.name}` is not a SavedModel: " + (title or f"there is no {BINARY} in it"),
        file=str(folder),
        evidence=[("found", ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "") or "nothing")],
        fixes=fixes,
    )
