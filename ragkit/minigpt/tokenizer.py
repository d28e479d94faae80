"""The MiniGPT tokenizer: byte-level BPE of about 1,000 tokens, by the `tokenizers` library.

Byte-level (Radford et al. 2019), so that any string can be encoded and no token is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|end|>"


def train_tokenizer(sentences: Iterable[str], vocabulary: int = 1000) -> Tokenizer:
    """Learn a BPE vocabulary of at most `vocabulary` tokens (Sennrich et al. 2016)."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences, trainer)
    return tokenizer
