"""Write a fine-tuned encoder as a folder that `MiniLMEncoder(model=FOLDER)` loads."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

from ragkit.errors import DataError
from ragkit.files import write_atomically
from ragkit.finetuning.encoder import TrainableEncoder

CARD = "README.md"


def check_free(folder: Path) -> None:
    """Refuse a folder that has something in it: nothing is overwritten.

    Raises `DataError`, which says what to do.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder}: not an empty folder. Name one that is, or a new one.")


def save(encoder: TrainableEncoder, folder: Path, card: str) -> None:
    """Write weights (safetensors), tokenizer, settings and the card to `folder`, whole or not.

    Raises `DataError` for a folder that is not empty, and `OSError` if it cannot be written.
    """
    check_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(mkdtemp(prefix=".partial-", dir=folder.parent))
    try:
        encoder.model.save_pretrained(str(partial), create_model_card=False)
        write_atomically(partial / CARD, card.encode())
        partial.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
