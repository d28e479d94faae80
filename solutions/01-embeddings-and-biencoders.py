# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 01 · Embeddings and bi-encoders
#
# **Goal.** Turn texts into vectors so that *nearness means relatedness*, search a grammar knowledge
# base with them, and measure honestly how well that works.
#
# **Time.** About 140 minutes: 55 of reading and running, 60 for six exercises, 25 for five drills.
#
# **You need** Python and NumPy. Everything runs on a laptop, without a network. The background, with
# every formula derived, is on [theory page 01](../theory/01-embeddings-and-biencoders.md).
#
# > 🇪🇸 **Resumen.** Convertiremos textos en vectores de modo que la cercanía refleje la similitud de
# > significado, buscaremos con ellos en una base de conocimiento sobre gramática inglesa y mediremos
# > con rigor lo bien que funciona. Unos 140 minutos, sin conexión a la red.
#
# How the exercises work: you replace `raise NotImplementedError` with your code, then run the cell
# below it. It answers *not attempted*, *incorrect* (and why) or *correct*, and nothing later in the
# notebook depends on your answer.

# %%
# %matplotlib inline
from importlib.metadata import version
from textwrap import fill

import numpy as np
import torch

import ragkit
from ragkit.course import check, drills, plots, tables

for package in ("torch", "sentence-transformers", "faiss-cpu", "numpy"):
    print(package, version(package))

# %% [markdown]
# The knowledge base holds short documents about English verbs, and questions that people ask. For
# each question somebody marked the document, now and then two or three, that answers it: these marks
# are the **qrels** (query relevance judgements). Questions are split in two: we make choices on `dev`
# and report on `test`. Both splits search the same documents.

# %%
kb = ragkit.load_kb(split="test")
dev = ragkit.load_kb(split="dev")
print(kb)
print(dev)

# %% [markdown]
# A document is a title and one to three sentences:

# %%
document = kb.by_id["irregular-eat-participle"]
print(document.title)
print(fill(document.text, 90))

# %% [markdown]
# ## 1 · From text to a vector
#
# An **encoder** is a function from text to a vector of fixed length. Because question and document are
# encoded separately and meet only when their vectors are compared, this is called a **bi-encoder**; a
# **cross-encoder** reads both at once (lab 03). The simplest encoder that deserves the name: cut the
# text into tokens, look each token up in a table of vectors, and take the mean.
#
# The table comes from **MiniGPT**, a language model of our own: three transformer layers (each mixes
# into a token's vector what stands before it, and transforms the result), trained for a minute or
# less to predict the next token of some 500 sentences about grammar
# (`ragkit train-minigpt` does it again). Nobody told it what a question is, or that two sentences
# may mean the same.
#
# > 🇪🇸 **Resumen.** Un codificador (*encoder*) es una función de texto a vector. El más sencillo:
# > partir el texto en *tokens*, buscar cada uno en una tabla de vectores y calcular la media. La
# > tabla es la de MiniGPT, un modelo pequeño entrenado solo para predecir el token siguiente.

# %%
gpt = ragkit.MiniGPTEncoder(source="table")
ids = gpt.token_ids("She has written three letters.")
print([gpt.tokenizer.id_to_token(i).replace("Ġ", "_") for i in ids])

# %% [markdown]
# The mark `_` stands for a space before the token (the tokenizer adds one at the start). Frequent
# words are one token; rare words fall into pieces. That is byte-pair encoding. Each id names one row
# of the table:

# %% tags=["nbval-check-output"]
table = gpt.model.table.weight.detach().numpy()
print("table", table.shape, "| tokens looked up", table[[0, 1, 2]].shape)

# %% [markdown]
# Texts differ in length, so a batch is **padded** to the longest, and a **mask** remembers which
# places are real. This helper is given; read it, because the exercise uses what it returns.


# %%
def pad(rows):
    """Ids int [B, T] padded with 0, and a mask bool [B, T] that is True where a token is real."""
    width = max(len(row) for row in rows)
    ids = np.array([row + [0] * (width - len(row)) for row in rows])
    mask = np.array([[True] * len(row) + [False] * (width - len(row)) for row in rows])
    return ids, mask


ids, mask = pad([gpt.token_ids(text) for text in ["She wrote.", "She has written three letters."]])
print(ids.shape, mask.sum(axis=1), "real tokens")

# %% [markdown]
# Look every id up and you have `states`, one vector for each place. Padding has looked up row 0, the
# vector of some real token: the mask must keep it out of the mean.

# %%
states = table[ids]
print(states.shape, "= texts, places, dimensions")

# %% [markdown]
# ### Exercise 1.1 · Mean pooling
# *Difficulty ●●○ · 10 minutes*
#
# Average the token vectors of each text. Padding must not count, neither in the sum nor in the
# number you divide by.
#
# <details><summary>Hint</summary>
#
# `mask[..., None]` has shape `[B, T, 1]`, so it multiplies `states` place by place. How many
# real tokens has each text? `mask.sum(axis=1)`.
#
# </details>


# %%
def mean_pool(states, mask):
    """Mean over the real tokens: states float [B, T, d], mask bool [B, T] -> float [B, d]."""
    # BEGIN SOLUTION
    kept = states * mask[..., None]  # [B, T, d], padding is zero
    return kept.sum(axis=1) / mask.sum(axis=1, keepdims=True)
    # END SOLUTION


# %%
check.mean_pool(mean_pool)

# %% [markdown]
# ### Exercise 1.2 · Unit length
# *Difficulty ●○○ · 5 minutes*
#
# Divide each row by its own length $\lVert x\rVert_2$. From then on the dot product of two rows
# *is* their cosine, and every search below can be a matrix product.
#
# <details><summary>Hint</summary>
#
# `np.linalg.norm(rows, axis=1, keepdims=True)` has shape `[n, 1]` and divides row by row.
#
# </details>


# %%
def normalise(rows):
    """Rows scaled to length 1: float [n, d] -> float [n, d]."""
    # BEGIN SOLUTION
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
    # END SOLUTION


# %%
check.normalise(normalise)

# %% [markdown]
# Lookup, mean, unit length: that is a complete encoder, and it is what `ragkit.MiniGPTEncoder` does.
# A peculiarity to remember: a mean has no order.

# %% tags=["nbval-check-output"]
same_words = ["the dog that the man saw", "the man that the dog saw"]
a, b = gpt.encode(same_words)
print(f"cosine of two sentences with the same words: {a @ b:.3f}")

# %% [markdown]
# ## 2 · A real encoder: all-MiniLM-L6-v2
#
# **MiniLM** also ends in a mean, but over token vectors that six layers of attention have made
# depend on the whole sentence (attention: each token collects from all others what concerns it), and
# it was trained for the purpose: over a billion pairs of texts that belong together, pulled together
# while everything else in the batch was pushed away (section 7). It has 22,713,216 parameters and
# gives 384 numbers per text.
#
# > 🇪🇸 **Resumen.** MiniLM también acaba en una media, pero de vectores que dependen de toda la
# > frase, obtenidos con un modelo entrenado con más de mil millones de pares de textos relacionados.
# > Sus vectores tienen norma 1, así que el producto escalar es el coseno.
#
# `backend="auto"` uses onnxruntime if `make` has exported the model, otherwise PyTorch: the
# vectors are the same. The cache keeps each vector on disk, for the next time you open this lab.

# %% tags=["nbval-check-output"]
cache = ragkit.EmbeddingCache()
minilm = cache.wrap(ragkit.MiniLMEncoder(backend="auto"))
vectors = minilm.encode([document.full_text for document in kb.documents])
print(vectors.shape, vectors.dtype)

# %% [markdown]
# Two promises to verify rather than believe: every row has length 1, and so dot product and cosine
# agree.

# %% tags=["nbval-check-output"]
norms = np.linalg.norm(vectors, axis=1)
dots = vectors @ vectors.T
cosines = dots / (norms[:, None] * norms[None, :])
print(f"norms from {norms.min():.4f} to {norms.max():.4f}")
print(f"dot and cosine differ by less than 1e-5: {np.abs(dots - cosines).max() < 1e-5}")

# %% [markdown]
# Unit length is a property of *this* model, which ends in a normalising layer. Others do not: check
# before you trust.

# %% [markdown]
# ## 3 · Does similar mean near?
#
# Six sentences: three rules, each stated twice in different words. A good encoder makes bright 2 × 2
# blocks along the diagonal and darkness elsewhere.
#
# > 🇪🇸 **Resumen.** Seis frases: tres reglas, cada una formulada de dos maneras. Un buen
# > codificador forma bloques claros en la diagonal y deja oscuro el resto.

# %%
sentences = {
    "finished action": "Use the past simple for actions that are finished.",
    "completed event": "A completed event is told in the preterite.",
    "prohibition": "Mustn't expresses a prohibition.",
    "forbidden": "This modal verb says that something is not allowed.",
    "silent e": "Drop the silent e before -ing.",
    "mute letter": "A final e that is not pronounced disappears in the gerund.",
}
texts = list(sentences.values())
matrices = [encoder.encode(texts) @ encoder.encode(texts).T for encoder in (gpt, minilm)]

# %% [markdown]
# Each cell is the cosine of two sentences; the diagonal compares a sentence with itself.

# %%
plots.show(
    plots.similarity_heatmap(matrices, ["MiniGPT table", "MiniLM"], list(sentences)),
    alt="Two tables of cosines between the six sentences. MiniLM's has bright 2 × 2 blocks along "
    "the diagonal; the one of MiniGPT's table has no such blocks.",
)

# %% [markdown]
# *In words.* MiniLM (right) shows the three blocks: each sentence is nearest to its partner, though
# at a cosine far from 1. The table of MiniGPT (left) does not: *mute letter* is as near to *forbidden*
# as to *silent e*, and the two sentences about the prohibition are far apart.
#
# Six sentences are an anecdote. The dev questions give a fairer picture: each question with the
# document that answers it, against the same question with a document drawn at random.

# %%
rng = np.random.default_rng(0)
matched = [(query.text, kb.by_id[next(iter(dev.qrels[query.query_id]))]) for query in dev.queries]
drawn = rng.integers(len(kb.documents), size=len(matched))
unmatched = [(text, kb.documents[i]) for (text, _), i in zip(matched, drawn, strict=True)]


def pair_cosines(encoder, pairs):
    """Cosine of each (question, document) pair: float [n]."""
    questions = encoder.encode([text for text, _ in pairs])
    answers = encoder.encode([document.full_text for _, document in pairs])
    return np.einsum("nd,nd->n", questions, answers)


# %% [markdown]
# One dot per pair. The further the two rows of dots lie apart, the better a threshold could tell an
# answer from a stranger.

# %%
strips = {
    name: {
        "random document": pair_cosines(encoder, unmatched),
        "its answer": pair_cosines(encoder, matched),
    }
    for name, encoder in {"MiniGPT table": gpt, "MiniLM": minilm}.items()
}
plots.show(
    plots.pair_strips(strips),
    alt="Cosines of question and document as dots, one panel per model. Under MiniLM the answers "
    "lie mostly to the right of the random documents; under the table the two clouds overlap.",
)

# %% [markdown]
# *In words.* Under MiniLM the answers lie to the right of the strangers, with some overlap; under the
# table the two clouds cover each other. As one number, the gap between the means, in standard
# deviations of the random pairs:

# %%
for name, rows in strips.items():
    gap = rows["its answer"].mean() - rows["random document"].mean()
    spread = rows["random document"].std()
    print(f"{name:<14} mean gap {gap:.2f} = {gap / spread:.1f} standard deviations")

# %% [markdown]
# Read the strips with care. "Unrelated" is not 0: every document here is about English verbs, so
# even a random pair has something in common. And "related" is not 1. What retrieval needs is only
# that the right document comes out *above* the others for the *same* question.

# %% [markdown]
# ## 4 · Search
#
# Offline: encode every document, once. Online: encode the question, multiply, keep the largest.
# That is all of dense retrieval, and the reason why it scales: the expensive part never depends on
# the question.
#
# > 🇪🇸 **Resumen.** De antemano se codifica cada documento, una sola vez. Al llegar una pregunta, se
# > codifica, se multiplica y se conservan los valores más altos. Lo caro no depende de la pregunta.
#
# ### Exercise 1.3 · The k nearest
# *Difficulty ●○○ · 10 minutes*
#
# Return the row numbers of the `k` documents with the largest dot product, best first.
#
# <details><summary>Hint</summary>
#
# `np.argsort` sorts ascending. Sort the *negated* scores.
#
# </details>


# %%
def top_k(query, documents, k):
    """Row numbers of the k best documents: query float [d], documents float [n, d] -> int [k]."""
    # BEGIN SOLUTION
    scores = documents @ query  # [n]
    return np.argsort(-scores, kind="stable")[:k]
    # END SOLUTION


# %%
check.top_k(top_k)

# %% [markdown]
# `ragkit` wraps the same product in an index (FAISS does the arithmetic) and a retriever, and adds
# one rule: equal scores are ordered by document id, so that a result can be reproduced.

# %%
dense = ragkit.DenseRetriever(minilm).fit(kb.documents)
for hit in dense.search("past participle of eat?", k=3):
    print(f"{hit.rank}. {hit.score:.3f}  {hit.doc_id}")

# %% [markdown]
# The same question to the table of MiniGPT:

# %%
by_table = ragkit.DenseRetriever(cache.wrap(gpt)).fit(kb.documents)
for hit in by_table.search("past participle of eat?", k=3):
    print(f"{hit.rank}. {hit.score:.3f}  {hit.doc_id}")

# %% [markdown]
# ## 5 · The hit rate, hit_rate@k
#
# One question proves nothing. The **hit rate** at k, `hit_rate@k`, is the share of questions that
# have a right document among the first k. A question that the system never answered counts as a miss.
#
# > 🇪🇸 **Resumen.** La tasa de acierto en k (*hit_rate@k*) es la proporción de preguntas que tienen
# > un documento correcto entre los k primeros. Una pregunta sin responder cuenta como fallo.
#
# ### Exercise 1.4 · Hit rate
# *Difficulty ●●○ · 10 minutes*
#
# `rankings` maps a query id to document ids, best first; `qrels` maps a query id to
# `{doc_id: relevance}`. Relevant means relevance above 0.
#
# <details><summary>Hint</summary>
#
# Loop over `qrels`, not over `rankings`: a query may be missing there (`rankings.get(q, [])`).
#
# </details>


# %%
def hit_rate(rankings, qrels, k):
    """Share of the judged queries with a relevant document among the first k."""
    # BEGIN SOLUTION
    found = [
        any(judged.get(doc_id, 0) > 0 for doc_id in rankings.get(query_id, [])[:k])
        for query_id, judged in qrels.items()
    ]
    return sum(found) / len(found)
    # END SOLUTION


# %%
check.hit_rate(hit_rate)

# %% [markdown]
# ## 6 · The comparison
#
# Six systems on the test questions. Two of them are there to keep us honest: **random** is the
# floor, and the **untrained table** is the control, the same mean over vectors that no training
# ever touched. Whatever the control achieves is not due to training. **BM25** uses no vectors: it
# scores a document by the words it shares with the question; rare words count more, long documents
# less. The **hidden states** are what MiniGPT's layers make of the table's rows, one vector per token
# with what stands before it mixed in.
#
# > 🇪🇸 **Resumen.** Seis sistemas evaluados con las preguntas de *test*. Dos son de control: el orden
# > aleatorio marca el mínimo y la tabla sin entrenar muestra cuánto se consigue sin entrenamiento.

# %%
from ragkit.course.systems import compare_systems

names = ["random", "bm25", "untrained", "minigpt-table", "minigpt-hidden", "minilm"]
results = list(compare_systems(kb, names, cache=cache))

# %% [markdown]
# Each number is the mean of a metric over the test questions. `mrr@10` is the mean of 1 / rank of the
# first right document.

# %% tags=["nbval-check-output"]
print("\n".join(tables.results_lines(results, ["hit_rate@1", "hit_rate@5", "mrr@10"])))

# %% [markdown]
# A mean over some two hundred questions is itself uncertain: other questions would have given
# another mean. The **bootstrap interval** draws the questions again and again, with replacement,
# and shows the range in which 95% of those means fall. (About four questions share each document,
# which the interval ignores; drawing documents instead of questions gives almost the same.)

# %%
metric = "hit_rate@5"
plots.show(
    plots.score_bars(
        [result.label for result in results],
        [result.report.mean[metric] for result in results],
        [result.report.interval(metric) for result in results],
        metric,
    ),
    alt="Bars of hit-rate@5 with 95% intervals. MiniLM is highest, then BM25, far behind them the "
    "untrained table, then MiniGPT's table and hidden states; random order is lowest.",
)

# %% [markdown]
# Two systems answered the *same* questions, so compare them question by question. `compare` gives
# the difference, its interval, and a p-value from swapping the two systems' scores at random
# (a paired randomisation test). The smallest p that 10,000 swaps can show is 0.0001: none of them
# gave so large a difference.

# %%
reports = {result.name: result.report for result in results}
for better, worse in [
    ("minilm", "minigpt-table"),
    ("minilm", "bm25"),
    ("minigpt-table", "untrained"),
    ("minigpt-hidden", "minigpt-table"),
]:
    found = ragkit.compare(reports[better], reports[worse], metric)
    low, high = found.interval
    print(f"{better:>14} - {worse:<13} {found.difference:+.3f} [{low:+.3f}, {high:+.3f}]", end="  ")
    print(f"p = {found.p_value:.4f}")

# %% [markdown]
# What the numbers say (hit_rate@5, differences in points, 95% intervals in brackets):
#
# - **MiniLM is ahead of MiniGPT's table
#   by <!--r:lab01.minilm-minigpt-table.hit_rate@5:points-->60<!--/r--> points.** When this course was
#   planned, about 30 were expected: the direction holds, the size does not.
# - **BM25**, which counts words and has learnt nothing,
#   reaches <!--r:lab01.bm25.hit_rate@5-->0.70<!--/r-->. MiniLM beats it
#   by <!--r:lab01.minilm-bm25.hit_rate@5:points-->14<!--/r--> points; the table comes nowhere near BM25.
#   A comparison without BM25 flatters everybody.
# - **The control wins.** The table that was *never trained* beats the trained one. The difference,
#   trained minus untrained, is <!--r:lab01.minigpt-table-untrained.hit_rate@5:points-->-14<!--/r--> points
#   [<!--r:lab01.minigpt-table-untrained.hit_rate@5:low:points-->-21<!--/r-->, <!--r:lab01.minigpt-table-untrained.hit_rate@5:high:points-->-8<!--/r-->].
# - Averaging the **hidden states**, which do see order and context, is no better than the
#   table: the difference is <!--r:lab01.minigpt-hidden-minigpt-table.hit_rate@5:points-->-3<!--/r--> points
#   [<!--r:lab01.minigpt-hidden-minigpt-table.hit_rate@5:low:points-->-9<!--/r-->, <!--r:lab01.minigpt-hidden-minigpt-table.hit_rate@5:high:points-->3<!--/r-->], an interval that
#   contains 0.
#
# ### Why does training make the table worse?
#
# First doubt the luck of the draw. With five other random tables the control scores
# from <!--r:lab01.untrained.seeds.lowest-->0.31<!--/r-->
# to <!--r:lab01.untrained.seeds.highest-->0.41<!--/r-->, always above the trained
# table's <!--r:lab01.minigpt-table.hit_rate@5-->0.24<!--/r-->. So it is not luck. There are two suspects.
#
# **Suspect 1, twins.** Ask the trained table which tokens are nearest to some others:

# %% tags=["nbval-check-output"]
rows = table / np.linalg.norm(table, axis=1, keepdims=True)
for word in ("spoken", "must", "the"):
    near = np.argsort(-(rows @ rows[gpt.tokenizer.token_to_id("Ġ" + word)]))[1:4]
    print(f"{word:<7}", *(gpt.tokenizer.id_to_token(i).replace("Ġ", "") for i in near))

# %% [markdown]
# To predict the next token, a model profits from making alike the words that occur in the same places.
# The cosine of `spoken` and `written` is <!--r:lab01.twins.spoken-written-->0.71<!--/r-->, that of
# `must` and `should` <!--r:lab01.twins.must-should-->0.71<!--/r-->, while two tokens
# have <!--r:lab01.twins.all-->0.15<!--/r--> on average. For a language model that is right; for a question
# about *speak* it is not, since the rule about *speak* now looks like the rule about *write*. The
# random table knows nothing, but random directions in 64 dimensions are nearly orthogonal, so it
# keeps all words apart, and its mean is a blurred count of words: a poor relative of BM25.
#
# **Suspect 2, hubs.** Which document comes first most often, and for how many of the questions?

# %% tags=["nbval-check-output"]
from collections import Counter

untrained = ragkit.MiniGPTEncoder.untrained()
for name, encoder in {"trained": gpt, "untrained": untrained, "MiniLM": minilm}.items():
    run = ragkit.DenseRetriever(encoder).fit(kb.documents).run(kb.queries, k=1)
    doc_id, times = Counter(next(iter(found)) for found in run.values()).most_common(1)[0]
    print(f"{name:<10} {doc_id} comes first for {times} of {len(run)} questions")

# %% [markdown]
# If first places were spread evenly, each document would come first about four times. The trained table has a **hub**: a
# document that lies in the direction that all vectors share, near to everything. Training has bent
# the vectors into a cone, and section 8 shows that straightening it brings the table level with the
# control. So most of the harm is in the *shape* of the space, and the twins account for the rest, if
# any. What this run shows is that *this* training, of a tiny model on 500 sentences for another goal,
# hurts the search. An embedding is good for what it was trained for.
#
# > 🇪🇸 **Resumen.** La tabla sin entrenar gana a la entrenada. Dos sospechosos: palabras gemelas
# > (*spoken* y *written* se parecen porque ocupan los mismos lugares) y documentos «imán» (*hubs*),
# > cercanos a cualquier pregunta porque los vectores se concentran en un cono.

# %% [markdown]
# ### By kind of question
#
# > 🇪🇸 **Resumen.** Por tipo de pregunta: BM25 iguala a MiniLM donde se repiten las palabras y pierde
# > donde cambian; con las preguntas en español aciertan las mismas.

# %%
shown = ["bm25", "untrained", "minigpt-table", "minilm"]
by_kind = {
    result.label: [result.report.only(ids).mean[metric] for ids in kb.kinds.values()]
    for result in results
    if result.name in shown
}
labels = [f"{kind} (n={len(ids)})" for kind, ids in kb.kinds.items()]
plots.show(
    plots.kind_dots(labels, by_kind, metric),
    alt="Hit-rate@5 of four systems as dots, one row per kind of question. BM25 and MiniLM meet on "
    "lexical, near-duplicate and Spanish questions; on the other kinds MiniLM is clearly ahead.",
)

# %% [markdown]
# *In words.* Where a question repeats the words of its answer (*lexical*, *near-duplicate*), BM25 is
# as good as MiniLM. Five places have room for all the twins of a rule, so look at rank 1
# too: on *near-duplicate*, hit_rate@1
# is <!--r:lab01.minilm.near-duplicate.hit_rate@1-->0.78<!--/r--> for MiniLM
# and <!--r:lab01.bm25.near-duplicate.hit_rate@1-->0.84<!--/r--> for BM25. Where the words differ, MiniLM
# leads: <!--r:lab01.minilm.paraphrase.hit_rate@5-->0.80<!--/r-->
# to <!--r:lab01.bm25.paraphrase.hit_rate@5-->0.54<!--/r--> on
# *paraphrase*, <!--r:lab01.minilm.error-correction.hit_rate@5-->0.90<!--/r-->
# to <!--r:lab01.bm25.error-correction.hit_rate@5-->0.65<!--/r--> on
# *error-correction*, <!--r:lab01.minilm.situational.hit_rate@5-->0.81<!--/r-->
# to <!--r:lab01.bm25.situational.hit_rate@5-->0.50<!--/r--> on *situational*. On *spanish* it does not
# lead at all: each of the two finds some,
# and <!--r:lab01.spanish.both-->22<!--/r--> of the <!--r:lab01.spanish.questions-->39<!--/r--> questions are
# found by both, <!--r:lab01.spanish.either-->22<!--/r--> by at least one. MiniLM was trained on English,
# and nearly all the questions found contain English words. Each kind has some forty questions, so its
# interval is wide.

# %% [markdown]
# ### Mean, cls or max?
#
# Pooling is a choice: the mean of the token vectors, the vector of the first token (`[CLS]`), or the
# largest value of each dimension. (`[CLS]` is a token that BERT-like models put at the start of every
# text to stand for the whole.) It is a setting, so we compare on `dev`.
#
# > 🇪🇸 **Resumen.** Tres formas de agrupar (*pooling*) los vectores de los *tokens*. Gana la media,
# > pero MiniLM se entrenó con ella: hay que agrupar como se entrenó el modelo.

# %%
for pooling in ("mean", "cls", "max"):
    encoder = cache.wrap(ragkit.MiniLMEncoder(pooling=pooling))
    retriever = ragkit.DenseRetriever(encoder).fit(kb.documents)
    report = ragkit.evaluate(dev.qrels, retriever.run(dev.queries), ["hit_rate@1", "hit_rate@5"])
    shown = "  ".join(tables.with_interval(v, report.interval(m)) for m, v in report.mean.items())
    print(f"{pooling:<5} hit_rate@1, hit_rate@5:  {shown}")

# %% [markdown]
# The mean wins clearly, and the comparison is not neutral: MiniLM was *trained* with the mean. It
# shows what a model loses when it is pooled in a way it never learned, not that the mean is best for
# every model.

# %% [markdown]
# ## 7 · The loss that makes nearness mean something
#
# For a batch of $B$ pairs $(q_i, d_i)$, row $i$ should choose document $i$ among all $B$. The other
# $B-1$ documents are its negatives, for free: **in-batch negatives**. Divide the $B$ similarities of a
# row by a **temperature** $\tau$: these are its *logits*. **Softmax** exponentiates them and divides
# by their sum, which makes them probabilities. **Cross-entropy**, the loss, is minus the logarithm of
# the probability of the right document, in nats (natural logarithm):
#
# $$\mathcal{L} = -\frac{1}{B}\sum_{i=1}^{B}
# \log\frac{\exp(q_i \cdot d_i/\tau)}{\sum_{j=1}^{B}\exp(q_i \cdot d_j/\tau)}$$
#
# > 🇪🇸 **Resumen.** En un lote de $B$ pares, cada pregunta debe elegir su documento entre los $B$;
# > los demás sirven de ejemplos negativos. La pérdida InfoNCE es la entropía cruzada de las similitudes
# > divididas por la temperatura $\tau$.
#
# ### Exercise 1.5 · InfoNCE
# *Difficulty ●●● · 15 minutes*
#
# Return the loss as a number. Encoders return float32, where `exp` overflows above 88, and with
# $\tau = 0.01$ logits reach 100: subtract the largest logit of each row first. The loss stays the
# same.
#
# <details><summary>Hint</summary>
#
# The logits are `queries @ documents.T`, each divided by the temperature. The right class of row
# `i` is column `i`, the diagonal. Row by row, the loss is `logsumexp(row) - row[i]`; `np.logaddexp.reduce` is a safe
# logsumexp.
#
# </details>


# %%
def info_nce(queries, documents, temperature):
    """Mean InfoNCE loss of a batch: float [B, d] twice, row i belongs to row i -> float (nats)."""
    # BEGIN SOLUTION
    logits = queries @ documents.T / temperature  # [B, B]
    return (np.logaddexp.reduce(logits, axis=1) - np.diag(logits)).mean()
    # END SOLUTION


# %%
check.info_nce(info_nce)

# %% [markdown]
# What does $\tau$ do? The gradient of the loss with respect to the similarity of negative $j$ is
# $p_j/\tau$, where $p$ is the softmax: the negatives share the push in proportion to
# $\exp(s_j/\tau)$. We take a real batch, questions with their documents as MiniLM places them (one
# question for each document, so that no negative is secretly right), and sweep $\tau$ from 0.01 to 10.

# %%
distinct = {dev.queries[i].query_id: pair for i, pair in enumerate(matched)}
batch = list({document.doc_id: (text, document) for text, document in distinct.values()}.values())
q = torch.tensor(minilm.encode([text for text, _ in batch]))
d = torch.tensor(minilm.encode([document.full_text for _, document in batch]))
size = len(batch)
print(f"{size} pairs; scoring all documents alike gives a loss of ln {size} = {np.log(size):.2f}")

# %% [markdown]
# For each τ: the loss, the weight of the hardest negative among the negatives, and the entropy of
# those weights, which is largest when all weigh the same.

# %%
from ragkit.encoders.losses import info_nce as batch_loss
from ragkit.encoders.losses import negative_weights

similarity = (q @ d.T).double()
negatives = similarity[~torch.eye(size, dtype=torch.bool)].view(size, size - 1)
taus = np.geomspace(0.01, 10, 60)
losses = np.array([batch_loss(q, d, float(tau)).item() for tau in taus])
weights = [negative_weights(negatives, float(tau)) for tau in taus]  # [B, B-1] each
hardest = np.array([w.max(dim=1).values.mean().item() for w in weights])
entropy = np.array([torch.special.entr(w).sum(dim=1).mean().item() for w in weights])

# %% [markdown]
# The grey band, τ from 0.05 to 0.1, is where many sentence encoders were trained; some newer
# retrievers go down to 0.01.

# %%
plots.show(
    plots.temperature_curves(taus, losses, entropy, hardest, size),
    alt="Two panels over the temperature. Left, the loss: high towards 0, smallest inside the grey "
    "band, then rising to the loss of uniform weights. Right, the weight of the hardest negative "
    "falls while the entropy of the weights rises to 1.",
)

# %% [markdown]
# *In words.* The loss is smallest inside the band, rises steeply towards 0 and levels off at ln B
# towards 10. From left to right the weight of the hardest negative falls to that of any other. The
# minimum does not say which τ trains best: the encoder is fixed here, and losses at different τ
# measure different things. In numbers:

# %% tags=["nbval-check-output"]
for tau in (0.01, 0.05, 0.5, 10):
    w = negative_weights(negatives, tau)
    top = w.max(dim=1).values.mean().item()
    print(f"tau {tau:<5} loss {batch_loss(q, d, tau).item():.2f}  hardest negative {top:.2f}")

# %% [markdown]
# The two limits, which are still seen in print the wrong way round:
#
# - $\tau \to \infty$: all similarities look alike, the softmax is **uniform**, the loss tends to
#   $\ln B$ whatever the encoder does, and all negatives are pushed equally.
# - $\tau \to 0$: **all the weight falls on the hardest negative**. A row that is already ranked right
#   has loss 0; a row that is not has loss (margin of the mistake)$/\tau$, without bound.

# %% [markdown]
# ## 8 · The shape of the space
#
# Principal components squeeze 384 dimensions into two: most of the structure is lost, but topics are
# still visible.
#
# > 🇪🇸 **Resumen.** Proyectamos los documentos a dos dimensiones para ver los temas; después
# > nombramos las confusiones entre reglas casi iguales y medimos la anisotropía, es decir, cuánto
# > se concentran los vectores en un cono estrecho, antes y después de blanquearlos (*whitening*).

# %%
centred = vectors - vectors.mean(axis=0)
_, strengths, axes = np.linalg.svd(centred, full_matrices=False)
axes *= np.sign(axes.sum(axis=1, keepdims=True))  # which end is up is arbitrary: fix it
share = (strengths[:2] ** 2).sum() / (strengths**2).sum()
print(f"the two axes keep {share:.0%} of the variance")

# %% [markdown]
# One mark per document, one colour and shape per topic:

# %%
plots.show(
    plots.topic_map(centred @ axes[:2].T, [document.topic for document in kb.documents]),
    alt="A map of the documents along two principal components, one colour and shape per topic. "
    "Modals lie at the bottom, spelling at the top left, irregular verbs mostly between; tenses "
    "are scattered.",
)

# %% [markdown]
# *In words.* Modals gather at one edge, spelling at the opposite one, most irregular verbs between
# them; tenses are scattered everywhere. Two dimensions mislead easily, so count in all 384: how often
# is the nearest neighbour of a document of its own topic?

# %%
topics = np.array([document.topic for document in kb.documents])
sizes = np.array([(topics == topic).sum() for topic in topics])
chance = ((sizes - 1) / (len(topics) - 1)).mean()
for name, encoder in {"MiniGPT table": gpt, "MiniLM": minilm}.items():
    rows = encoder.encode([document.full_text for document in kb.documents])
    near = np.where(np.eye(len(rows), dtype=bool), -1, rows @ rows.T).argmax(axis=1)
    print(f"{name:<14} {(topics[near] == topics).mean():.2f} (by chance {chance:.2f})")

# %% [markdown]
# ### The confusions, by name
#
# Rules that differ in one word (`wrote`, `written`, `writing`) are near each other in meaning *and*
# in wording. These are the documents that came first instead of the right one, on the questions
# of kind *near-duplicate*. Twins are no harder than other questions, but the misses have a pattern:
# in most of them a sister rule came first.

# %%
run = dense.run(kb.queries)
for query_id in kb.kinds["near-duplicate"]:
    first = next(iter(run[query_id]))
    if first not in kb.qrels[query_id]:
        gold = next(iter(kb.qrels[query_id]))
        rank = list(run[query_id]).index(gold) + 1 if gold in run[query_id] else ">10"
        print(f"{gold} (rank {rank})  ←  {first}")

# %% [markdown]
# ### Anisotropy
#
# If all vectors sit in a narrow cone, every cosine is large and says little. The measure is the mean
# cosine over all pairs of different texts: 0 for directions spread evenly, 1 for a single ray. Texts
# on one subject share words, so some of it is not a cone: read it beside that of the untrained table.
#
# ### Exercise 1.6 · Mean cosine
# *Difficulty ●●○ · 10 minutes*
#
# <details><summary>Hint</summary>
#
# A vector with itself has cosine 1 and must not count. `np.triu_indices(n, k=1)` gives each pair of
# different rows once.
#
# </details>


# %%
def mean_cosine(vectors):
    """Mean cosine over all pairs of different rows: float [n, d], any lengths -> float."""
    # BEGIN SOLUTION
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (unit @ unit.T)[np.triu_indices(len(unit), k=1)].mean()
    # END SOLUTION


# %%
check.mean_cosine(mean_cosine)

# %% [markdown]
# **Whitening** (Su et al. 2021) subtracts the mean $\mu$ and multiplies by the inverse square root of
# the covariance $\Sigma$, so that every direction has the same variance:
# $x \mapsto \Sigma^{-1/2}(x - \mu)$; then we scale to unit length again. It is a step *after* training,
# not part of MiniLM's. Fifty-odd documents cannot determine 384 variances (centred, their rank is at
# most 55), so we fit on the sentences of the MiniGPT corpus, which share no text with the knowledge
# base, and shrink the covariance towards a multiple of the identity, which levels a little less.

# %%
from ragkit.runtime import data_dir

corpus = (data_dir() / "minigpt" / "corpus.txt").read_text(encoding="utf-8").splitlines()
encoders = {"MiniGPT table": gpt, "untrained table": untrained, "MiniLM": minilm}
whitenings = {name: ragkit.Whitening.fit(e.encode(corpus)) for name, e in encoders.items()}

# %% [markdown]
# The cosines of all pairs of documents, before and after:

# %%
upper = np.triu_indices(len(kb.documents), k=1)
cosines = {}
for name in ("MiniGPT table", "MiniLM"):
    rows = encoders[name].encode([document.full_text for document in kb.documents])
    cosines[name] = (rows @ rows.T)[upper]
    rows = whitenings[name](rows)
    cosines[f"{name}, whitened"] = (rows @ rows.T)[upper]
plots.show(
    plots.cosine_histograms(cosines),
    alt="Four histograms of the cosines of all pairs of documents, on the same axes. The one of "
    "MiniGPT's table lies far to the right of 0 and moves close to it when whitened; MiniLM's "
    "is near 0 from the start and becomes narrower.",
)

# %% [markdown]
# *In words.* The mean cosine of the trained table falls
# from <!--r:lab01.cone.minigpt-table.plain-->0.44<!--/r-->
# to <!--r:lab01.cone.minigpt-table.whitened-->0.12<!--/r-->, below
# the <!--r:lab01.cone.untrained.plain-->0.24<!--/r--> that the untrained table has without any cone.
# MiniLM, whose training already spreads its vectors, starts
# at <!--r:lab01.cone.minilm.plain-->0.15<!--/r--> and ends
# at <!--r:lab01.cone.minilm.whitened-->0.05<!--/r-->. Does a rounder space search better? Rounder is not
# the same as more useful, so measure it.


# %%
def search_report(documents, queries):
    """Score a search of query vectors among document vectors, on the test questions."""
    index = ragkit.FlatIndex(documents.shape[1])
    index.add(documents, [document.doc_id for document in kb.documents])
    scores, ids = index.search(queries, 5)
    rows = zip(kb.queries, ids.tolist(), scores.tolist(), strict=True)
    run = {query.query_id: dict(zip(found, s, strict=True)) for query, found, s in rows}
    return ragkit.evaluate(kb.qrels, run, "hit_rate@5")


# %% [markdown]
# Documents and questions must go through the *same* step, or their cosines mean nothing.

# %% tags=["nbval-check-output"]
for name, encoder in encoders.items():
    d = encoder.encode([document.full_text for document in kb.documents])
    q = encoder.encode([query.text for query in kb.queries])
    whiten = whitenings[name]
    before, after = search_report(d, q), search_report(whiten(d), whiten(q))
    found = ragkit.compare(after, before, "hit_rate@5")
    low, high = found.interval
    print(f"{name:<16} {before.mean[metric]:.2f} -> {after.mean[metric]:.2f}", end="  ")
    print(f"difference {found.difference:+.2f} [{low:+.2f}, {high:+.2f}]")

# %% [markdown]
# Three answers. The **trained table**
# gains <!--r:lab01.whitening.minigpt-table.hit_rate@5:points-->14<!--/r--> points
# [<!--r:lab01.whitening.minigpt-table.hit_rate@5:low:points-->8<!--/r-->, <!--r:lab01.whitening.minigpt-table.hit_rate@5:high:points-->20<!--/r-->] and is now level with the
# plain control: the cone was what made it worse. The **control** has no cone to lose, and its gain is
# not distinguishable from 0. **MiniLM** changes
# by <!--r:lab01.whitening.minilm.hit_rate@5:points-->-17<!--/r--> points
# [<!--r:lab01.whitening.minilm.hit_rate@5:low:points-->-22<!--/r-->, <!--r:lab01.whitening.minilm.hit_rate@5:high:points-->-11<!--/r-->]: its weak directions are enlarged
# until most count nearly as much as the strong ones, and 500 sentences probably estimate them badly.
# (Try `shrinkage=1`, which only subtracts the mean: hardly anything is lost.) Spreading the vectors
# helps where a few directions dominate, and does harm where all were well used.

# %% [markdown]
# ## 9 · Drills
#
# Put each answer in its variable. Numbers, choices and sentence pairs are checked at once; text is
# kept for a person to read (20 words or more).
#
# > 🇪🇸 **Resumen.** Cinco ejercicios breves. Los números y las elecciones se comprueban al momento;
# > el texto lo lee una persona. Puedes responder en español.
#
# **Drill 1.** A bi-encoder gives a 384-dimensional vector for each of 50 chunks (pieces of a text),
# stored as fp32 (32-bit floating point). How many bytes do they take, and how many MiB? Answer `(bytes, mib)`, the second to three decimals.

# %%
# BEGIN SOLUTION: drill_01_1 = None
drill_01_1 = (50 * 384 * 4, 0.073)
# END SOLUTION
drills.check("01_1", drill_01_1)

# %% [markdown]
# **Drill 2.** Argue why mean pooling suits sentence-level tasks better than the `[CLS]` vector. Which
# tokens carry the meaning? And why is the comparison on MiniLM above not quite fair?

# %%
# BEGIN SOLUTION: drill_01_2 = ""
drill_01_2 = """
The meaning of a sentence is spread over its content words, and the mean lets every one of them
speak, while the [CLS] vector only holds what training forced into that single place. In BERT it was
trained for next-sentence prediction, not for similarity. But a model fine-tuned with cls pooling
learns to gather the meaning there. MiniLM was fine-tuned with the mean, so the test favours it.
"""
# END SOLUTION
drills.check("01_2", drill_01_2)

# %% [markdown]
# **Drill 3.** Write two grammar rules that mean the same and share hardly a word (at most 20% of
# all the different words of the two), and say what a poor bi-encoder would do with them. Answer
# `(one, other, what)`.

# %%
# BEGIN SOLUTION: drill_01_3 = None
drill_01_3 = (
    "Use since with a starting point.",
    "Say since when you name the moment at which something began.",
    """A poor bi-encoder lives on shared words. It would score this pair lower than two unrelated
    rules that repeat the same vocabulary, because without the contrastive training nothing tells it
    that these different words describe one fact.""",
)
# END SOLUTION
drills.check("01_3", drill_01_3)

# %% [markdown]
# **Drill 4.** A cross-encoder reads question and document together; a bi-encoder reads each alone.
# Argue what the first can see that the second cannot.

# %%
# BEGIN SOLUTION: drill_01_4 = ""
drill_01_4 = """
In a cross-encoder every token of the question attends to every token of the document, so it can
check whether the verb that is asked about is the one the rule explains, whether a negation applies,
and who does what to whom. The bi-encoder must compress the document to one vector before it knows
the question, so details that this question needs may already be averaged away.
"""
# END SOLUTION
drills.check("01_4", drill_01_4)

# %% [markdown]
# **Drill 5.** Of τ = 0.05 and τ = 0.5, which one concentrates the gradient on the hardest negatives?
# Towards which distribution does the softmax tend as τ → ∞, `"uniform"` or `"one-hot"`? And what
# does it mean in training? Answer `(tau, limit, reason)`.

# %%
# BEGIN SOLUTION: drill_01_5 = None
drill_01_5 = (
    0.05,
    "uniform",
    """With 0.05 a difference of 0.1 in cosine multiplies a negative's weight by e squared, so the
    few negatives that look most like the positive get nearly all the push: sharp, fast, but
    sensitive to false negatives. With 0.5 the same difference means a factor of 1.2: all negatives
    are pushed almost alike and fine distinctions are hardly learnt.""",
)
# END SOLUTION
drills.check("01_5", drill_01_5)

# %% [markdown]
# ## What to take away
#
# - An encoder maps text to a unit vector; then similarity is a dot product and search is a matrix
#   product. Documents are encoded once.
# - A mean over a table of token vectors already is an encoder. Only the control shows what its
#   training is worth: here, less than nothing, since it bent the space into a cone.
# - A pretrained, contrastively trained encoder is something else, and still mixes up near-duplicates.
# - A metric without an interval is an anecdote, and two systems must be compared question by question.
# - The temperature decides who gets pushed: small τ the hardest negatives, large τ all alike.
#
# > 🇪🇸 **Resumen.** Un codificador convierte la búsqueda en un producto de matrices. Sin control, sin
# > intervalos y sin BM25 al lado, una cifra no dice nada. El preentrenamiento contrastivo es lo que
# > funciona, y aun así confunde reglas casi iguales.
#
# **Next:** lab 02, chunking and indexes: what to encode when a text is long, and how to search when
# there are many.
