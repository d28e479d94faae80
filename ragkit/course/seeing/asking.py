"""One's own question, answered by the course's systems side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from ragkit.course.seeing.answers import Answers
from ragkit.course.seeing.frontend import live, show_widget
from ragkit.course.systems import SYSTEMS, build_encoder, build_reranker
from ragkit.documents.kb import KnowledgeBase, Query
from ragkit.errors import DataError, RagkitError
from ragkit.search.base import Composable

if TYPE_CHECKING:
    from ipywidgets import HTML, Combobox, VBox

    from ragkit.encoders import Encoder
    from ragkit.search.reranker import Reranker

EXAMPLE = "past participle of eat?"
_BOX = "A box for questions, which opens where the notebook is run."
LONGEST = 300  # characters of a question; an encoder would cut it unseen
SIDE_BY_SIDE: Mapping[str, str] = {
    **{name: SYSTEMS[name] for name in ("bm25", "minigpt-table", "minilm")},
    "fusion": "BM25 and MiniLM by ranks",
    "minilm-rerank": SYSTEMS["minilm-rerank"],
}


def ask(
    kb: KnowledgeBase,
    question: str | None = None,
    systems: Sequence[str] = tuple(SIDE_BY_SIDE),
    k: int = 3,
) -> Answers | None:
    """Answer a question with several systems side by side, `k` documents each.

    Without a question it shows a box to type questions into; where nobody could type, it answers
    the first question of `kb`. A right document is marked if `kb` knows the question. An empty or
    overlong one gets a sentence. Raises `DataError` for an unknown system.
    """
    panel = Panel(kb, systems, k)
    if question is not None:
        return panel.answer(question)
    if not live():
        return panel.answer(panel.examples()[0])
    show_widget(box(panel), f"<p>{_BOX}</p>", _BOX)
    return None


class Panel:
    """The systems that answer, each built for the first question."""

    def __init__(self, kb: KnowledgeBase, systems: Sequence[str], k: int) -> None:
        for name in systems:
            if name not in SIDE_BY_SIDE:
                raise DataError(f"Unknown system {name!r}; use {', '.join(SIDE_BY_SIDE)}.")
        self.kb, self.systems, self.k = kb, systems, k
        self._known = {_plain(q.text): q for q in [*kb.unjudged, *kb.queries]}
        self._built: dict[str, Composable] = {}

    def examples(self) -> list[str]:
        """A question of each kind that the base knows, one that it cannot answer among them."""
        firsts = {
            query.kind: query.text for query in reversed([*self.kb.queries, *self.kb.unjudged])
        }
        return list(reversed(firsts.values())) or [EXAMPLE]

    def answer(self, question: str) -> Answers:
        """What each system finds; a question that cannot be asked gets a sentence."""
        asked = " ".join(question.split())
        if not asked:
            return self._only(f"Type a question, for example: {EXAMPLE}")
        if len(asked) > LONGEST:
            return self._only(
                f"The question has {len(asked)} characters and may have {LONGEST}. "
                "Ask one thing at a time."
            )
        try:
            columns = {
                SIDE_BY_SIDE[name]: self._system(name).search(asked, self.k)
                for name in self.systems
            }
        except RagkitError as error:
            return self._only(str(error))
        known = self._known.get(_plain(asked))
        if known is None:
            note = "Nobody has judged this question: read and judge for yourself."
        elif known.query_id in self.kb.qrels:
            note = f"The base knows this question ({known.query_id}); ✓ marks what answers it."
        else:
            note = f"The base knows this question ({known.query_id}) and has no answer to it."
        return Answers(asked, columns, self.kb.by_id, note, self._right(known))

    def _only(self, sentence: str) -> Answers:
        return Answers("", {}, self.kb.by_id, sentence)

    def _right(self, known: Query | None) -> frozenset[str]:
        judged = self.kb.qrels.get(known.query_id, {}) if known else {}
        return frozenset(doc_id for doc_id, relevance in judged.items() if relevance > 0)

    def _system(self, name: str) -> Composable:
        if name not in self._built:
            self._built[name] = self._build(name)
        return self._built[name]

    def _build(self, name: str) -> Composable:
        from ragkit.search.fusion import FusionRetriever
        from ragkit.search.retrievers import BM25Retriever, DenseRetriever

        if name == "bm25":
            return BM25Retriever().fit(self.kb.documents)
        if name == "fusion":
            return FusionRetriever(self._system("bm25"), self._system("minilm"))
        if name == "minilm-rerank":
            return self._system("minilm") >> _reranker()
        return DenseRetriever(_encoder(name)).fit(self.kb.documents)


@cache
def _encoder(name: str) -> Encoder:
    """One of the course's encoders, loaded once for all panels, with its vectors on disk."""
    from ragkit.cache.outputs import EmbeddingCache

    return EmbeddingCache().wrap(build_encoder(name))


@cache
def _reranker() -> Reranker:
    """The course's cross-encoder, loaded once for all panels, with its scores on disk."""
    from ragkit.cache.outputs import EmbeddingCache

    return build_reranker(EmbeddingCache())


def _plain(text: str) -> str:
    """A text without regard to case and spaces."""
    return " ".join(text.split()).casefold()


def box(panel: Panel) -> VBox:
    """The widget: a field that offers known questions, a button, and the answers below."""
    import ipywidgets

    field = ipywidgets.Combobox(
        placeholder="Type a question and press Enter",
        options=panel.examples(),
        description="Question",
        continuous_update=False,
        layout={"width": "40em", "max_width": "100%"},
    )
    button = ipywidgets.Button(description="Ask", tooltip="Answer the question")
    shown = ipywidgets.HTML(
        "<p>Questions of the base are offered while you type; what answers them is marked.</p>",
        layout={"width": "98%"},
    )
    answer = _answering(panel, field, shown)
    field.observe(answer, "value")
    button.on_click(answer)
    return ipywidgets.VBox([ipywidgets.HBox([field, button]), shown])


def _answering(panel: Panel, field: Combobox, shown: HTML) -> Callable[[object], None]:
    """What happens when a question is sent; leaving the field and pressing the button are one."""
    last: list[str] = []

    def answer(_: object) -> None:
        if last == [field.value]:
            return
        last[:] = [field.value]
        shown.value = '<p role="status">Looking …</p>'
        shown.value = panel.answer(field.value)._repr_html_()

    return answer
