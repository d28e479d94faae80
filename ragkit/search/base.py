"""What every retriever is and can do: `search`, `run`, its documents, and `>>`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ragkit.checks import check_count
from ragkit.documents.kb import Document, Query, check_queries
from ragkit.ranking import Hit, as_scores
from ragkit.runtime import quiet

if TYPE_CHECKING:
    from ragkit.search.reranker import Reranker
    from ragkit.search.stages import TwoStageRetriever

Run = dict[str, dict[str, float]]


@runtime_checkable
class Retriever(Protocol):
    """Finds documents for a query; `documents` are those it can find."""

    @property
    def documents(self) -> Mapping[str, Document]:
        """The documents it can find, by id; looking one up must be cheap."""
        ...

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """At most `k` documents, best first, ties by doc_id; the start of the answer for `k + 1`.

        Raises `DataError` for an empty query, a `k` below 1, or before it is fitted.
        """
        ...

    def run(self, queries: Sequence[Query], k: int = 10) -> Run:
        """What `search` finds for each query, as `{query_id: {doc_id: score}}`.

        Raises `DataError` as `search` does, and for two queries with the same id.
        """
        ...


class Composable:
    """`run` by repeated `search`, and `>>`."""

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """At most `k` documents, best first."""
        raise NotImplementedError

    @property
    def documents(self) -> Mapping[str, Document]:
        """The documents it can find, by id."""
        raise NotImplementedError

    def run(self, queries: Sequence[Query], k: int = 10) -> Run:
        """The first `k` documents of each query, as `{query_id: {doc_id: score}}`."""
        k = check_count(k)
        checked = bar(check_queries(queries))
        return {query.query_id: as_scores(self.search(query.text, k)) for query in checked}

    def __rshift__(self, reranker: Reranker) -> TwoStageRetriever:
        from ragkit.search.stages import TwoStageRetriever

        if not has_methods(reranker, "rank"):
            return NotImplemented
        return TwoStageRetriever(self, reranker)


def has_methods(stage: object, *methods: str) -> bool:
    """Whether a stage of a pipeline has these methods and is not the bare class of one."""
    callables = (callable(getattr(stage, name, None)) for name in methods)
    return not isinstance(stage, type) and all(callables)


def bar(queries: Sequence[Query]) -> Iterable[Query]:
    """Queries behind a progress bar, unless `RAGKIT_QUIET` is set."""
    from tqdm.auto import tqdm

    shown: Iterable[Query] = tqdm(queries, desc="queries", leave=False, disable=quiet(), delay=2)
    return shown
