"""Something small to fine-tune: an encoder that a few steps change, and a base to teach it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import torch

from ragkit.finetuning.pairs import Pair
from ragkit.runtime import silence_transformers
from ragkit.weights.published import MINILM, locate

CONFUSED = {"cats": "bone", "dogs": "milk"}


def write_student(folder: Path, *, normalised: bool = True) -> Path:
    """Write a sentence-transformers model of one narrow layer, drawn from a fixed seed.

    It reads MiniLM's word pieces. Its weights are so near 0 that a step of 2e-5 changes most
    of them; the layer norms make up for their size. Of `CONFUSED` it takes one word for the other.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import AutoTokenizer, BertConfig, BertModel

    silence_transformers()
    config = BertConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        initializer_range=3e-5,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = BertModel(config)
    tokenizer = AutoTokenizer.from_pretrained(locate(MINILM).folder)
    vectors = model.embeddings.word_embeddings.weight.data
    for pair in CONFUSED.items():
        one, other = tokenizer.convert_tokens_to_ids(list(pair))
        vectors[other] = vectors[one]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    layers = [Transformer(str(folder)), Pooling(config.hidden_size, "mean")]
    layers += [Normalize()] if normalised else []
    SentenceTransformer(modules=layers, device="cpu").save_pretrained(
        str(folder), create_model_card=False
    )
    return folder


def write_base(
    folder: Path,
    documents: Iterable[str],
    questions: Iterable[tuple[str, Iterable[int]]],
    split: str = "train",
) -> Path:
    """Write a BEIR folder; each question comes with the numbers of the documents that answer it."""
    (folder / "qrels").mkdir(parents=True)
    rows, asked = [], []
    for number, (text, right) in enumerate(questions):
        asked.append({"_id": f"q{number}", "text": text})
        rows += [f"q{number}\td{document}\t1\n" for document in right]
    texts = [{"_id": f"d{number}", "text": text} for number, text in enumerate(documents)]
    for name, records in (("corpus", texts), ("queries", asked)):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    (folder / "qrels" / f"{split}.tsv").write_text("".join(rows), encoding="utf-8")
    return folder


def write_lesson(folder: Path) -> Path:
    """A base whose every question the student answers wrong, for the one reason of `CONFUSED`."""
    questions = [("cats", [0]), ("dogs", [1])] * 10
    return write_base(folder, ["milk", "bone"], questions)


TEXTS = {
    "eat": "The past of eat is ate.",
    "go": "Went is the past of go, and gone its participle.",
    "cat": "Cats purr.",
    "dog": "A dog barks at night, as its neighbours know, and sleeps by day.",
    "sun": "The sun rises in the east.",
}


def pair(number: int, query: str, doc_id: str, *also: str) -> Pair:
    """A question about `TEXTS`; the documents `also` answer it too."""
    return Pair(f"q{number}", query, doc_id, frozenset({doc_id, *also}))


PAIRS = [
    pair(0, "past of eat", "eat"),
    pair(1, "gone", "go"),
    pair(2, "who purrs when it is pleased?", "cat"),
    pair(3, "barks", "dog"),
    pair(4, "where does the day begin?", "sun"),
]
