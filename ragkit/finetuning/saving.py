"""Write a fine-tuned encoder as a folder that `MiniLMEncoder(model=FOLDER)` loads."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

from ragkit.errors import DataError
from ragkit.files import write_atomically
from ragkit.finetuning.encoder import TrainableEncoder

CARD = "README.md"


def check_free(folder: Path) -> None:
    """Refuse a folder that has something in it, for nothing is overwritten, or cannot be written.

    Raises `DataError`, which says what to do.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder}: not an empty folder. Name one that is, or a new one.")
    place = folder.resolve()
    there = next(path for path in (place, *place.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise DataError(f"{folder}: {there} is no folder that you may write to. Name another.")


def save(encoder: TrainableEncoder, folder: Path, card: str) -> None:
    """Write weights (safetensors), tokenizer, settings and the card to `folder`, whole or not.

    Raises `DataError` for a folder that is not empty, and `OSError` if it cannot be written.
    """
    check_free(folder)
    place = folder.resolve()  # what a link points to
    new = not place.exists()
    home = place.parent if new else place
    home.mkdir(parents=True, exist_ok=True)
    partial = Path(mkdtemp(prefix=".partial-", dir=home))
    try:
        encoder.model.save_pretrained(str(partial), create_model_card=False)
        write_atomically(partial / CARD, card.encode())
        for file in partial.rglob("*.safetensors"):
            file.chmod(0o644)  # the library writes what only its owner can read
        if new:
            partial.chmod(0o755)
            partial.rename(place)
        else:  # it may be a mount, or the current folder; without its weights it is no model yet
            for item in sorted(partial.iterdir(), key=lambda item: item.suffix == ".safetensors"):
                item.rename(place / item.name)
            partial.rmdir()
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
