"""The cheat sheet: its formulas against the library, its commands against the command line."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable

import numpy as np
import pytest
import torch
import translations
import typer
from conftest import ROOT
from scipy.spatial.distance import cosine

import ragkit
from ragkit.cli.app import app
from ragkit.course.staff.spectra import effective_dimensions
from ragkit.documents.chunking import fixed_token_chunks
from ragkit.encoders.losses import margin_mse, negative_weights
from ragkit.runtime import import_faiss
from ragkit.scoring.metrics import hit_rate, mrr, ndcg, recall
from ragkit.scoring.proportions import wilson_interval
from ragkit.scoring.stats import detectable_difference
from ragkit.search.fusion import convex_combination, reciprocal_rank_fusion
from ragkit.vectors import Vectors, unit_rows

SHEET = ROOT / "theory" / "cheat-sheet.md"
ENGLISH, SPANISH = translations.read(SHEET), translations.read(SHEET.with_suffix(".es.md"))
Check = Callable[[np.random.Generator], None]
CHECKS: dict[str, Check] = {}


def formula(written: str) -> Callable[[Check], Check]:
    """Register the check of a formula under its text, so that it cannot change without one."""

    def register(check: Check) -> Check:
        CHECKS[written] = check
        return check

    return register


def table(section: int) -> list[list[str]]:
    """The cells of a section's table, row by row, without its head."""
    part = ENGLISH.text.split("\n## ")[section]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return rows[1:]


@formula(r"$\cos\theta = q \cdot x, \quad \lVert q - x\rVert^2 = 2 - 2 q \cdot x$")
def unit_vectors(rng: np.random.Generator) -> None:
    q, x = unit_rows(rng.normal(size=(2, 8)))
    index = ragkit.FlatIndex(8)
    index.add(x[None], ["x"])
    score = index.search(q[None], 1)[0].item()
    assert score == pytest.approx(1 - cosine(q, x), abs=1e-6)
    assert 2 - 2 * score == pytest.approx(np.linalg.norm(q - x) ** 2, abs=1e-6)


@formula(r"$m = \sum_t w_t h_t / \sum_t w_t, \quad E(x) = m / \lVert m\rVert$")
def mean_pooling(rng: np.random.Generator) -> None:
    gpt, texts = ragkit.MiniGPTEncoder(), ["She wrote.", "She has written three letters."]
    ids = [gpt.token_ids(text) for text in texts]
    h = gpt.model.table.weight.detach().numpy()[
        [row + [0] * (len(ids[1]) - len(row)) for row in ids]
    ]
    w = np.array([[place < len(row) for place in range(len(ids[1]))] for row in ids])[:, :, None]
    m = (w * h).sum(axis=1) / w.sum(axis=1)
    np.testing.assert_allclose(
        gpt.encode(texts), m / np.linalg.norm(m, axis=1, keepdims=True), atol=1e-5
    )


@formula(r"$p_{ij} = \exp(s_{ij}/\tau) / \sum_k \exp(s_{ik}/\tau)$")
def softmax(rng: np.random.Generator) -> None:
    s, tau = rng.uniform(-1, 1, size=6), 0.2
    p = np.exp(s / tau) / np.exp(s / tau).sum()
    np.testing.assert_allclose(negative_weights(torch.from_numpy(s), tau).numpy(), p, rtol=1e-9)


@formula(
    r"$L = -\sum_i \log p_{ii} / B, \quad "
    r"\partial L / \partial s_{ij} = (p_{ij} - \delta_{ij}) / (\tau B)$"
)
def info_nce(rng: np.random.Generator) -> None:
    tau, B = 0.2, 4
    s = torch.from_numpy(rng.uniform(-1, 1, size=(B, B))).requires_grad_()
    loss = ragkit.info_nce(s, torch.eye(B, dtype=torch.float64), tau)  # s @ I = s
    loss.backward()
    p = np.exp(s.detach().numpy() / tau)
    p /= p.sum(axis=1, keepdims=True)
    assert loss.item() == pytest.approx(-np.log(p.diagonal()).sum() / B)
    assert s.grad is not None
    np.testing.assert_allclose(s.grad.numpy(), (p - np.eye(B)) / (tau * B), rtol=1e-9)


@formula(r"$(\Delta_S - \Delta_T)^2, \quad \Delta = s(q, d^+) - s(q, d^-)$")
def margins(rng: np.random.Generator) -> None:
    student, teacher = rng.normal(size=(2, 2))  # right document, wrong document
    delta = student[0] - student[1] - (teacher[0] - teacher[1])
    found = margin_mse(torch.from_numpy(student[None]), torch.from_numpy(teacher[None]))
    assert found.item() == pytest.approx(delta**2)


@formula(r"$\lceil (n - o) / (s - o) \rceil$")
def windows(rng: np.random.Generator) -> None:
    for n, s, o in [(980, 128, 32), (10, 4, 0), (10, 4, 3), (5, 8, 2), (6, 4, 2)]:
        chunks = fixed_token_chunks(" ".join(["word"] * n), size=s, overlap=o)
        assert len(chunks) == math.ceil((n - o) / (s - o))


@formula(r"$4nd; \quad 4nd + 8nM; \quad nm$")
def sizes(rng: np.random.Generator) -> None:
    n, d, M, m = 500, 384, 32, 48
    rows, ids = unit_rows(rng.normal(size=(n, d))), [f"{row:03}" for row in range(n)]
    flat, graph = ragkit.FlatIndex(d), ragkit.HNSWIndex(d, m=M)
    for index in (flat, graph):
        index.add(rows, ids)
    assert flat.nbytes == pytest.approx(4 * n * d, rel=0.001)
    assert graph.nbytes == pytest.approx(4 * n * d + 8 * n * M, rel=0.02)  # levels and offsets
    assert n * import_faiss().IndexPQ(d, m, 8).sa_code_size() == n * m


@formula(r"$\mathrm{RRF}(d) = \sum_s 1 / (60 + r_s(d))$")
def rank_fusion(rng: np.random.Generator) -> None:
    lists = [dict(zip("abcd", scores, strict=True)) for scores in rng.normal(size=(3, 4))]
    fused = reciprocal_rank_fusion(lists)
    for d in "abcd":
        ranks = [sorted(scores.values(), reverse=True).index(scores[d]) + 1 for scores in lists]
        assert fused[d] == pytest.approx(sum(1 / (60 + rank) for rank in ranks))


@formula(r"$w c + (1 - w) b, \quad x \mapsto (x - \min x) / (\max x - \min x)$")
def mixture(rng: np.random.Generator) -> None:
    w, scores = 0.4, rng.normal(size=(2, 5))
    runs = [{"q": dict(zip("abcde", row.tolist(), strict=True))} for row in scores]
    c, b = ((x - x.min()) / (x.max() - x.min()) for x in scores)
    mixed = convex_combination(runs, [w, 1 - w])["q"]
    np.testing.assert_allclose([mixed[d] for d in "abcde"], w * c + (1 - w) * b)


class Tokens:
    """Unit vectors without meaning for the tokens of two texts, between special tokens."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.of = {text: unit_rows(rng.normal(size=(size, 4))) for text, size in SIZES.items()}

    def token_vectors(self, texts: list[str]) -> list[Vectors]:
        special = np.ones((1, 4), dtype=np.float32)
        return [np.concatenate([special, self.of[text], special]) for text in texts]


SIZES = {"question": 3, "document": 5}


@formula(r"$\mathrm{MaxSim}(q, d) = \sum_i \max_j q_i \cdot d_j$")
def late_interaction(rng: np.random.Generator) -> None:
    tokens = Tokens(rng)
    retriever = ragkit.MaxSimRetriever(tokens).fit([ragkit.Document("d", "document")])
    q, d = tokens.of["question"], tokens.of["document"]
    wanted = sum(max(q_i @ d_j for d_j in d) for q_i in q)
    assert retriever.search("question")[0].score == pytest.approx(wanted, rel=1e-5)


def judged_rankings(rng: np.random.Generator) -> list[tuple[list[str], dict[str, int], int]]:
    """Rankings of ten documents, of which some are judged 0 to 3 and some not found; and a k."""
    cases = []
    for k in range(1, 11):
        names = [f"d{number}" for number in rng.permutation(14)]
        grades = rng.integers(0, 4, size=6).tolist()
        judged = {f"d{number}": grade for number, grade in enumerate(grades)}
        cases.append((names[:10], judged | {"d13": 1}, k))
    return cases


@formula(r"$\vert R_q \cap C_k(q) \vert / \vert R_q \vert$")
def recalls(rng: np.random.Generator) -> None:
    for ranking, judged, k in judged_rankings(rng):
        right = {d for d in judged if judged[d] > 0}
        assert recall(ranking, judged, k) == len(right & set(ranking[:k])) / len(right)


@formula(r"$1$ if some $\mathrm{rel}_r > 0$ with $r \leq k$, else $0$")
def hit_rates(rng: np.random.Generator) -> None:
    for ranking, judged, k in judged_rankings(rng):
        found = [judged.get(ranking[r - 1], 0) > 0 for r in range(1, k + 1)]
        assert hit_rate(ranking, judged, k) == (1 if any(found) else 0)


@formula(r"$1/r$")
def reciprocal_ranks(rng: np.random.Generator) -> None:
    for ranking, judged, k in judged_rankings(rng):
        ranks = [r for r in range(1, k + 1) if judged.get(ranking[r - 1], 0) > 0]
        assert mrr(ranking, judged, k) == (1 / min(ranks) if ranks else 0)


@formula(
    r"$\mathrm{DCG} = \sum_{r \leq k} \mathrm{rel}_r / \log_2(1 + r), \quad "
    r"\mathrm{nDCG} = \mathrm{DCG} / \mathrm{IDCG}$"
)
def discounted_gains(rng: np.random.Generator) -> None:
    for ranking, judged, k in judged_rankings(rng):
        ideal = sorted(judged, key=lambda d: judged[d], reverse=True)
        dcg, idcg = (
            sum(judged.get(d, 0) / math.log2(1 + r) for r, d in enumerate(ranked[:k], start=1))
            for ranked in (ranking, ideal)
        )
        assert ndcg(ranking, judged, k) == pytest.approx(dcg / idcg)


@formula(r"$(p + z^2/(2n) \pm z \sqrt{p(1 - p)/n + z^2/(4n^2)}) / (1 + z^2/n)$")
def wilson(rng: np.random.Generator) -> None:
    z = 1.96
    for hits, n in [(20, 24), (1, 24), (100, 232)]:
        p = hits / n
        half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        wanted = [(p + z**2 / (2 * n) + side * half) / (1 + z**2 / n) for side in (-1, 1)]
        assert wilson_interval(hits, n) == pytest.approx(wanted, rel=1e-3)


@formula(r"$2.8 \sqrt{\mathrm{Var}(\delta) / n}$")
def detectable(rng: np.random.Generator) -> None:
    delta = rng.normal(size=50)
    wanted = 2.8 * math.sqrt(delta.var(ddof=1) / len(delta))
    assert detectable_difference(delta) == pytest.approx(wanted, rel=1e-3)


@formula(r"$D = (\sum_k \lambda_k)^2 / \sum_k \lambda_k^2$")
def participation_ratio(rng: np.random.Generator) -> None:
    rows = (rng.normal(size=(200, 6)) * [3, 2, 1, 1, 0.5, 0.1]).astype(np.float32)
    lambdas = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False).astype(float) ** 2
    wanted = lambdas.sum() ** 2 / (lambdas**2).sum()
    assert effective_dimensions(rows) == pytest.approx(wanted, rel=1e-4)


def test_every_formula_has_a_check() -> None:
    assert [cells[1] for cells in table(2)] == list(CHECKS)


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: check.__name__)
def test_a_formula_is_what_the_library_computes(check: Check) -> None:
    check(np.random.default_rng(0))


def test_every_metric_of_the_library_has_a_row_that_says_when() -> None:
    metrics = " ".join(cells[1] for cells in table(3))
    for metric in ("hit_rate", "mrr", "ndcg", "recall"):
        assert f"{metric}@k" in metrics


def test_the_commands_are_there_and_take_what_is_given() -> None:
    commands = [shlex.split(cells[0].strip("`")) for cells in table(5)]
    assert len(commands) == 5
    for program, name, *rest in commands:
        if program == "make":
            for makefile in (ROOT / "Makefile", ROOT / "handout" / "Makefile"):
                assert re.search(rf"^{name}:", makefile.read_text(), re.MULTILINE)
        else:
            group = typer.main.get_command(app)
            group.make_context("ragkit", [name, *rest])
            group.commands[name].make_context(name, rest)  # parses, runs nothing


@pytest.mark.parametrize("page", [ENGLISH, SPANISH], ids=lambda page: page.path.name)
def test_the_sheet_stays_a_sheet(page: translations.Page) -> None:
    assert len(page.text.splitlines()) <= 80  # what an A4 page holds, in a browser's print
    assert not page.code
