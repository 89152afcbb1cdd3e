"""Build the small models and write what TensorFlow computes with them.

Usage: python tests/models/references.py FOLDER

Beside each model lies `NAME.npz` with `in:INPUT` and `out:OUTPUT` arrays, `/` written as `____`. One process
for all, because TensorFlow takes seconds to start.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from tf_models import MODELS, ModelCase
from tf_tools import Arrays, run_frozen, run_saved_model

SEED = 7


def reference(case: ModelCase, path: Path, feeds: Arrays) -> Arrays:
    """Returns the outputs of a model, computed by TensorFlow."""
    if case.suffix:
        return run_frozen(path, feeds, case.outputs)
    return run_saved_model(path, feeds, case.signature or "serving_default")


def main(folder: Path) -> None:
    """Builds every model and writes its reference."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, case in MODELS.items():
        path, feeds = case.path(folder, name), case.arrays(SEED)
        case.build(path)
        outputs = reference(case, path, feeds)
        arrays = {f"in:{key}": value for key, value in feeds.items()}
        arrays |= {f"out:{key}": np.asarray(value) for key, value in outputs.items()}
        members: dict[str, Any] = {key.replace("/", "____"): value for key, value in arrays.items()}
        np.savez(folder / f"{name}.npz", **members)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
