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
# **Time.** About 200 minutes, in two sittings: 90 of reading and running, 75 for six exercises, 35 for five
# drills. A good place for the break is marked, after section 5.
#
# **You need** Python and NumPy. Everything runs on a laptop, without a network. The background, with
# every formula derived, is on [theory page 01](../theory/01-embeddings-and-biencoders.md). Words are explained in
# the [glossary](../theory/glossary.md), and all formulas are on one page, the
# [cheat sheet](../theory/cheat-sheet.md).
#
# > 🇪🇸 **Resumen.** Convertiremos textos en vectores de modo que la cercanía refleje la similitud de
# > significado, buscaremos con ellos en una base de conocimiento sobre gramática inglesa y mediremos
# > con rigor lo bien que funciona. Unos 200 minutos, en dos sesiones, sin conexión a la red. Las palabras
# > están en el [glosario](../theory/glossary.es.md); las fórmulas, en la [chuleta](../theory/cheat-sheet.es.md).
#
# How the exercises work: you replace `raise NotImplementedError` with your code, then run the cell
# below it. It answers *not attempted*, *incorrect* (and why) or *correct*. `check.mean_pool.case(1)` hands
# out the first input and the result expected for it, so that you can try your function on it. The cell after
# that puts your function to work; as long as it is not right, the library's does the work, and the cell
# says which. So nothing later in the notebook depends on your answer.
#
# > 🇪🇸 **Resumen.** En cada ejercicio sustituyes `raise NotImplementedError` por tu código y ejecutas la
# > celda siguiente, que lo comprueba; `check.mean_pool.case(1)` te da el primer caso, con el resultado esperado.
# > Después tu función trabaja con datos reales; mientras no sea correcta, lo hace la de la biblioteca.
#
# <details><summary>Six words that this lab takes for granted</summary>
#
# A **model** is a function with many numbers inside, its **parameters**. **Training** changes them step by
# step, so that a **loss**, one number that says how wrong the model is, gets smaller; each step looks at a
# **batch** of examples. The **gradient** says, for each number, how fast the loss changes if that number
# does. A **transformer** is a stack of layers, and in each the vectors of a text's tokens exchange
# information; that exchange is called **attention**.
#
# </details>

# %%
# %matplotlib inline
from importlib.metadata import version
from textwrap import fill

import numpy as np

import ragkit
from ragkit.course import check, drills, plots, tables

for package in ("torch", "sentence-transformers", "faiss-cpu", "numpy"):
    print(package, version(package))

# %% [markdown]
# The knowledge base holds short documents about English verbs, and questions that people ask. For
# each question somebody marked the document, now and then two or three, that answers it: these marks
# are the [**qrels**](../theory/glossary.md#qrels) (query relevance judgements). Questions are split in two: we make choices on `dev`
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
# The table comes from **MiniGPT**, a language model of our own: three transformer layers, trained for a
# minute or less to predict the next token of some 500 sentences about grammar
# (`ragkit train-minigpt` does it again). Nobody told it what a question is, or that two sentences
# may mean the same.
#
# > 🇪🇸 **Resumen.** Un codificador (*encoder*) es una función de texto a vector. El más sencillo:
# > partir el texto en *tokens*, buscar cada uno en una tabla de vectores y calcular la media. La
# > tabla es la de MiniGPT, un modelo pequeño entrenado solo para predecir el token siguiente.

# %%
gpt = ragkit.MiniGPTEncoder(source="table")
tokens = gpt.token_ids("She has written three letters.")
print([gpt.tokenizer.id_to_token(i).replace("Ġ", "_") for i in tokens])

# %% [markdown]
# The tokenizer writes the space before a word as `Ġ`; we print `_`. Frequent words are one token; rare
# words fall into pieces. That is [byte-pair encoding](../theory/glossary.md#tokenizer). Each id names one row of the table. (`.weight` is
# PyTorch's matrix of parameters, and `.detach().numpy()` hands it to NumPy.)

# %% tags=["nbval-check-output"]
table = gpt.model.table.weight.detach().numpy()
print("table", table.shape, "| the rows of this sentence", table[tokens].shape)

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


two = ["She wrote.", "She has written three letters."]
ids, mask = pad([gpt.token_ids(text) for text in two])
print(ids.shape, mask.sum(axis=1), "real tokens")

# %% [markdown]
# Look every id up and you have `states`, one vector for each place. Padding has looked up row 0, the
# vector of some real token: the mask must keep it out of the mean.

# %%
states = table[ids]
print(states.shape, "= texts, places, dimensions")

# %% [markdown]
# ### Exercise 1.1 · Mean pooling
# *Difficulty ●●○ · 15 minutes*
#
# Average the token vectors of each text. Padding must not count, neither in the sum nor in the
# number you divide by. Every text has at least one token, and padding comes after the tokens.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Padding has to vanish twice, from the sum and from the count. Which of the two arrays knows where it is,
# and which axis is the one that must disappear?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# In a product True counts as 1 and False as 0, so a mask can set vectors to zero. But it has an axis less
# than the states: indexing it with `[..., None]` adds one, of length 1. Then sum over the places. The mask,
# summed over its places, is the number of tokens of each text; keep that axis (`keepdims=True`), so that NumPy
# divides row by row.
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
# `choose` takes your function if it is right, and else the library's, here one made of NumPy's masked arrays.
# Whoever does the work, each of the two sentences gets one vector.


# %%
def library_mean_pool(states, mask):
    """The same, as NumPy's masked arrays do it."""
    hidden = np.broadcast_to(~mask[:, :, None], states.shape)
    return np.ma.array(states, mask=hidden).mean(axis=1).data


pool = check.mean_pool.choose(mean_pool, library_mean_pool)
pooled = pool(states, mask)
print(pooled.shape, "like the library's:", np.allclose(pooled, library_mean_pool(states, mask)))

# %% [markdown]
# ### Exercise 1.2 · Unit length
# *Difficulty ●○○ · 5 minutes*
#
# Divide each row by its own length $\lVert x\rVert_2$. From then on the dot product of two rows (also
# called their *inner product*) *is* their cosine, and every search below can be a matrix product. No row
# is zero.
#
# <details><summary>Hint 1: a nudge</summary>
#
# There are n lengths, one for each row. What shape must they have, so that NumPy divides row 0 by the
# first of them, row 1 by the second, and so on?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `np.linalg.norm` measures along the axis that you name. Its result has lost that axis, and NumPy would match
# n lengths with the columns; `keepdims=True` keeps it, with length 1.
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
# Lookup, mean, unit length: that is a complete encoder, and it is what `ragkit.MiniGPTEncoder` does. Here are
# the three steps, beside its answer.

# %%
from ragkit.vectors import unit_rows

scale = check.normalise.choose(normalise, unit_rows)
mine = scale(pool(table[ids], mask))
print("the three steps agree with gpt.encode:", np.allclose(mine, gpt.encode(two), atol=1e-5))

# %% [markdown]
# A peculiarity to remember: a mean has no order.

# %% tags=["nbval-check-output"]
same_words = ["the dog that the man saw", "the man that the dog saw"]
a, b = gpt.encode(same_words)
print(f"cosine of two sentences with the same words: {a @ b:.3f}")

# %% [markdown]
# ## 2 · A real encoder: all-MiniLM-L6-v2
#
# **MiniLM** also ends in a mean, but over token vectors that six layers of attention have made
# depend on the whole sentence, and it was trained for the purpose: over a billion pairs of texts that
# belong together, pulled together while everything else in the batch was pushed away (section 7). It
# has 22,713,216 parameters and gives 384 numbers per text.
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
# document that answers it, and the same question with a document drawn at random.

# %%
rng = np.random.default_rng(0)
questions, answers, strangers = [], [], []
for query in dev.queries:
    gold = next(iter(dev.qrels[query.query_id]))  # the first document that answers it
    questions.append(query.text)
    answers.append(kb.by_id[gold].full_text)
    strangers.append(kb.documents[rng.integers(len(kb.documents))].full_text)

# %% [markdown]
# One dot per pair. The further apart the two rows of dots lie, the better a threshold could tell an
# answer from an unrelated document. (A sum of products, row by row, is a dot product per pair.)


# %%
def pair_cosines(encoder, texts):
    """Cosine of each question with the text in the same place: float [n]."""
    return (encoder.encode(questions) * encoder.encode(texts)).sum(axis=1)


strips = {
    name: {
        "random document": pair_cosines(encoder, strangers),
        "its answer": pair_cosines(encoder, answers),
    }
    for name, encoder in {"MiniGPT table": gpt, "MiniLM": minilm}.items()
}
plots.show(
    plots.pair_strips(strips),
    alt="Cosines of question and document as dots, one panel per model. With MiniLM the answers "
    "lie mostly to the right of the random documents; with the table the two clouds overlap.",
)

# %% [markdown]
# *In words.* With MiniLM the answers lie to the right of the random documents, with some overlap; with
# the table the two clouds overlap almost completely.
#
# "Unrelated" is not 0: every document here is about English verbs. And "related" is not 1. What retrieval needs is
# only that the right document comes out *above* the others for the *same* question.

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
# Return the row numbers of the `k` documents with the largest dot product, best first. Of equal scores the
# lower row comes first, so that everybody finds the same. `k` is at least 1 and at most the number of
# documents. MiniLM's vectors have length 1, but take the vectors as they are: others do not.
#
# <details><summary>Hint 1: a nudge</summary>
#
# One product gives the scores of all documents. What you return is not the scores, but where they stand;
# and what happens to two that are equal?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# `np.argsort` returns row numbers, the smallest value first. Turning its result round would turn equal scores
# round too; if you sort negated scores instead, the largest come first. By default it may change the
# order of equal values; its argument `kind` offers a sort that keeps it.
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
# The library searches with an index, in which FAISS does the arithmetic. It finds ids, here the row numbers as
# text; equal scores are ordered by id, so that a result can be reproduced.


# %%
def library_top_k(query, documents, k):
    """The rows that ragkit's index finds, for unit vectors."""
    index = ragkit.FlatIndex(documents.shape[1])
    index.add(documents, [f"{row:04}" for row in range(len(documents))])
    return [int(row) for row in index.search(query, k)[1][0]]


search = check.top_k.choose(top_k, library_top_k)

# %% [markdown]
# Ask something. Change the question, in English, and run the cell again:

# %%
my_question = "Is it she has went or she has gone?"
asked_vector = minilm.encode(my_question)
for row in search(asked_vector, vectors, 3):
    print(f"{vectors[row] @ asked_vector:.3f}  {kb.documents[row].title}")

# %% [markdown]
# `ragkit` puts encoder and index together in a **retriever**: it takes a question as text and returns documents.

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
# > 🇪🇸 **Resumen.** La tasa de aciertos@k (`hit_rate@k`) es la proporción de preguntas que tienen
# > un documento correcto entre los k primeros. Una pregunta sin responder cuenta como fallo.
#
# ### Exercise 1.4 · Hit rate
# *Difficulty ●●○ · 15 minutes*
#
# Return the share of queries with a relevant document among the first `k`: a number from 0 to 1.
# `rankings` maps a query id to document ids, best first; `qrels` maps a query id to
# `{doc_id: relevance}`. Relevant means relevance above 0; a document that is not in there is not relevant.
# A query is a hit or not, however many relevant documents it has. Every query of `qrels` counts: one
# that has no ranking is a miss, and so is one that has no relevant document. A ranking may be shorter than `k`.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Which of the two mappings has all the queries that count? Answer for one query first: is it a hit? That is
# yes or no; the rest is counting.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Go through `qrels.items()`. A dictionary's `get` returns what you name instead where a key is missing: an
# empty list for a query without a ranking, 0 for a document without a judgement. Cut the list after k places;
# `any` says whether one of them is relevant. At the end divide the number of hits by that of the judged queries.
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
# The library's `evaluate` wants a score for each document, so the rank becomes one. Then search for every
# question of the test set, and count. The table in section 6 has this number in MiniLM's row.


# %%
def library_hit_rate(rankings, qrels, k):
    """As ragkit evaluates a run: query id to document id to score."""
    run = {i: {d: -place for place, d in enumerate(ids)} for i, ids in rankings.items()}
    return ragkit.evaluate(qrels, run, f"hit_rate@{k}").mean[f"hit_rate@{k}"]


rate = check.hit_rate.choose(hit_rate, library_hit_rate)
searched = {}
for query in kb.queries:
    best = search(minilm.encode(query.text), vectors, 5)
    searched[query.query_id] = [kb.documents[row].doc_id for row in best]
print(f"MiniLM: hit_rate@5 = {rate(searched, kb.qrels, 5):.3f}")

# %% [markdown]
# **⏸ A good place for a break.** So far: what an encoder is, and how to search with one. After the
# break: how good it is, how one is trained, and what its space looks like.

# %% [markdown]
# ## 6 · The comparison
#
# Six systems on the test questions. Two of them are there to keep us honest: **random** order is the
# floor, and the **untrained table** is the control: MiniGPT's table *before its first training step*,
# and the same mean over it. Whatever the control achieves is not due to training. **BM25** uses no
# vectors: it scores a document by the words it shares with the question; rare words count more, long
# documents less. The **hidden states** are what MiniGPT's layers make of the table's rows, one vector per
# token with what comes before it mixed in.
#
# Four comparisons on test are named here, before the numbers come: MiniLM with BM25, the trained table with
# its control, the hidden states with the table, and at the end of this section a newer model with MiniLM. All
# else that we read off test describes; no choice depends on it.
#
# > 🇪🇸 **Resumen.** Seis sistemas evaluados con las preguntas de *test*. Dos sirven de referencia: el
# > orden aleatorio marca el mínimo y la tabla sin entrenar, la del paso 0 del mismo entrenamiento, es el
# > control. Esa tabla es una proyección aleatoria del recuento de *tokens*, y gana a la entrenada. Un
# > modelo más nuevo y mejor clasificado en una lista pública no gana aquí a MiniLM.

# %%
from ragkit.course.systems import compare_systems

names = ["random", "bm25", "untrained", "minigpt-table", "minigpt-hidden", "minilm"]
results = list(compare_systems(kb, names, cache=cache))

# %% [markdown]
# Each number is the mean of a metric over the test questions. `mrr@10` is the mean of 1 / rank of the first
# right document.

# %% tags=["nbval-check-output"]
print("\n".join(tables.results_lines(results, ["hit_rate@1", "hit_rate@5", "mrr@10"])))

# %% [markdown]
# Other questions would have given other means; the 95% *interval*, drawn in the picture below, is a range of
# values that these do not rule out ([theory page 03](../theory/03-reranking-and-evaluation.md) derives it). About
# four questions share each document: drawing documents instead of questions, MiniLM's hit_rate@5 has an interval
# from <!--r:lab01.bootstrap.documents:low-->0.80<!--/r-->
# to <!--r:lab01.bootstrap.documents:high-->0.89<!--/r-->, much the same. The first row is *one* random order; the
# average over all orders is <!--r:lab01.chance.hit_rate@5-->0.10<!--/r-->.

# %% [markdown]
# The column in the middle as a picture, with the intervals:

# %%
metric = "hit_rate@5"
plots.show(
    plots.score_bars(
        [result.label for result in results],
        [result.report.mean[metric] for result in results],
        [result.report.interval(metric) for result in results],
        metric,
    ),
    alt="Bars of hit_rate@5 with 95% intervals. MiniLM is highest, then BM25, far behind them the "
    "untrained table, then MiniGPT's table and hidden states; random order is lowest.",
)

# %% [markdown]
# A mean hides what the lists look like. Ask something yourself: run the cell, type a question, and three
# systems answer side by side. Questions of dev are offered while you type, and ✓ marks what answers them.
# *Predict first*: who will find the answer to a question in Spanish, or to one whose words occur in no
# document?

# %%
from ragkit.course import ask

ask(dev, systems=["bm25", "minigpt-table", "minilm"])

# %% [markdown]
# The systems answered the *same* questions, so compare them question by question. `compare` gives the
# difference, its [interval](../theory/glossary.md#interval), and a [**p-value**](../theory/glossary.md#p-value). Suppose two systems were equally good: then their labels
# could be swapped on any question. Only questions that one system answers and the other does not tell
# them apart, and for each of these it would be a coin toss which system that is. *p* is how often coins alone
# give so uneven a count, or a more uneven one. A small p says that luck is a poor explanation; a large p
# says nothing either way.

# %%
reports = {result.name: result.report for result in results}
p_values = {}
for better, worse in [
    ("minilm", "bm25"),
    ("minigpt-table", "untrained"),
    ("minigpt-hidden", "minigpt-table"),
]:
    found = ragkit.compare(reports[better], reports[worse], metric)
    low, high = found.interval
    p_values[f"{better} - {worse}"] = found.p_value
    print(f"{better:>14} - {worse:<13} {found.difference:+.3f} [{low:+.3f}, {high:+.3f}]", end="  ")
    print(f"p = {found.p_value:.2g}")

# %% [markdown]
# What the numbers say. (Differences of hit_rate@5 are in **points**, hundredths: from 0.30 to 0.35 are 5
# points. Brackets are 95% intervals.)
#
# - **BM25**, which counts words and has learnt nothing, is far above MiniGPT's table. **MiniLM** beats
#   it by <!--r:lab01.minilm-bm25.hit_rate@5:points-->14<!--/r--> points. A comparison without BM25 flatters
#   everybody.
# - **The control wins.** Trained minus untrained
#   is <!--r:lab01.minigpt-table-untrained.hit_rate@5:points-->-12<!--/r--> points
#   [<!--r:lab01.minigpt-table-untrained.hit_rate@5:low:points-->-18<!--/r-->, <!--r:lab01.minigpt-table-untrained.hit_rate@5:high:points-->-5<!--/r-->].
#   The interval covers the choice of questions. It cannot cover the training, since one run is one
#   draw: over four training seeds, each against its own step 0, the difference
#   is <!--r:lab04.space.seeds.tied.kept-step0.lowest:points-->-15<!--/r-->
#   to <!--r:lab04.space.seeds.tied.kept-step0.highest:points-->-7<!--/r--> points. The direction is the same each
#   time, the size is not.
# - Averaging the **hidden states**, which do see order and context, shows no gain over the
#   table: <!--r:lab01.minigpt-hidden-minigpt-table.hit_rate@5:points-->-3<!--/r--> points
#   [<!--r:lab01.minigpt-hidden-minigpt-table.hit_rate@5:low:points-->-10<!--/r-->, <!--r:lab01.minigpt-hidden-minigpt-table.hit_rate@5:high:points-->3<!--/r-->].
#
# Why does training hurt here? It is easy to tell a story and hard to be right. Lab 04 trains the model
# again, several times, and tests the suspects one by one. What we can settle now is the other half:
# what *is* the control?
#
# ### A random table counts words
#
# Up to its length, a mean over random rows is the sum over all tokens of *count × random vector*. So the untrained table
# turns exact token counts into a blurred picture with 64 dimensions, a **random projection**. Its score should
# then lie below that of the counts, and rise towards it as the table gets wider. Count first:


# %%
def token_counts(texts):
    """How often each token is in each text: float [n, vocabulary]."""
    rows = [np.bincount(gpt.token_ids(text), minlength=len(table)) for text in texts]
    return np.array(rows, dtype=float)


document_counts = token_counts([document.full_text for document in kb.documents])
question_counts = token_counts([query.text for query in kb.queries])
print(document_counts.shape, "= documents, tokens of the vocabulary")

# %% [markdown]
# To score any vectors: scale them to unit length, search, count the questions with a right document.


# %%
def unit(rows):
    """Rows of length 1, float32 [n, d]."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("float32")


def score(documents, queries):
    """hit_rate@5 on test, searching with these vectors, float [n, d] and [q, d]."""
    index = ragkit.FlatIndex(documents.shape[1])
    index.add(unit(documents), [document.doc_id for document in kb.documents])
    _, found = index.search(unit(queries), 5)
    judged = [kb.qrels[query.query_id] for query in kb.queries]
    return np.mean([any(doc_id in judged[i] for doc_id in row) for i, row in enumerate(found)])


# %% [markdown]
# Random tables of four widths, the mean of five tables each:

# %%
for width in (16, 64, 256, 1024):
    drawn = [np.random.default_rng(seed).normal(size=(len(table), width)) for seed in range(5)]
    scores = [score(document_counts @ rows, question_counts @ rows) for rows in drawn]
    print(f"random table, {width:>4} dimensions: {np.mean(scores):.2f}")

# %% [markdown]
# And the counts, first as they are, then multiplied by the rarity of the token, the logarithm of
# *documents / documents with this token* (**tf-idf**):

# %%
rarity = np.log(len(document_counts) / np.maximum((document_counts > 0).sum(axis=0), 1))
print(f"token counts: {score(document_counts, question_counts):.2f}")
print(f"tf-idf: {score(document_counts * rarity, question_counts * rarity):.2f}")

# %% [markdown]
# So it is: wider tables climb to the counts, which
# are <!--r:lab01.ladder.counts-untrained.hit_rate@5:points-->19<!--/r--> points above the control
# [<!--r:lab01.ladder.counts-untrained.hit_rate@5:low:points-->12<!--/r-->, <!--r:lab01.ladder.counts-untrained.hit_rate@5:high:points-->24<!--/r-->].
# With weights they come close to BM25. None of these rungs needs training; compare every model with all of them.

# %% [markdown]
# ### By kind of question
#
# Each question belongs to a kind, and the kinds differ in how many words question and answer share:
#
# | kind | what the asker does | example |
# |---|---|---|
# | lexical | names the thing in the words of the rule | *past participle of write* |
# | paraphrase | describes it in other words | *Which form of write comes together with had or has?* |
# | near-duplicate | hesitates between two forms whose rules are twins | *After "has", is it wrote or written?* |
# | error-correction | quotes a mistake and asks what is wrong | *"He watchs television": what is the spelling error?* |
# | situational | describes what they want to say | *Leaving a note so that my husband doesn't forget the milk* |
# | spanish | asks in Spanish, often with English words in quotes | *diferencia entre "must" y "have to"* |
#
# > 🇪🇸 **Resumen.** Por tipo de pregunta: BM25 iguala a MiniLM donde la pregunta repite las palabras de
# > la respuesta y pierde donde cambian. Casi todas las preguntas en español que aciertan contienen
# > palabras inglesas.

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
    alt="hit_rate@5 of four systems as dots, one row per kind of question. BM25 and MiniLM meet on "
    "lexical, near-duplicate and Spanish questions; on the other kinds MiniLM is clearly ahead.",
)

# %% [markdown]
# *In words.* Where a question repeats the words of its answer (*lexical*, *near-duplicate*), BM25 is
# as good as MiniLM. Where the words differ, MiniLM leads, for example on
# *paraphrase*: <!--r:lab01.minilm.paraphrase.hit_rate@5-->0.80<!--/r-->
# to <!--r:lab01.bm25.paraphrase.hit_rate@5-->0.49<!--/r-->. On *spanish* it does not lead at
# all: <!--r:lab01.spanish.both-->22<!--/r--> of the <!--r:lab01.spanish.questions-->39<!--/r--> questions are
# found by both, <!--r:lab01.spanish.either-->23<!--/r--> by at least one, and nearly all of these contain
# English words. Each kind has some forty questions, so its interval is wide.

# %% [markdown]
# ### Mean, cls or max?
#
# Pooling is a choice: the mean of the token vectors, the vector of the first token (`[CLS]`), or the
# largest value of each dimension. (`[CLS]` is a token that BERT-like models put at the start of every
# text to stand for the whole.) Search is a *sentence-level* task: it needs one vector for a whole text. A
# *token-level* task, such as marking the verbs, keeps one for each token and needs no pooling. It is a
# setting, so we compare on `dev`.
#
# > 🇪🇸 **Resumen.** Tres formas de *pooling* (agregación) de los vectores de los *tokens*. Gana la media,
# > pero MiniLM se entrenó con ella: en principio, el *pooling* es el del entrenamiento.

# %%
for pooling in ("mean", "cls", "max"):
    encoder = cache.wrap(ragkit.MiniLMEncoder(pooling=pooling))
    retriever = ragkit.DenseRetriever(encoder).fit(kb.documents)
    report = ragkit.evaluate(dev.qrels, retriever.run(dev.queries), ["hit_rate@1", "hit_rate@5"])
    shown = "  ".join(tables.with_interval(v, report.interval(m)) for m, v in report.mean.items())
    print(f"{pooling:<5} hit_rate@1, hit_rate@5:  {shown}")

# %% [markdown]
# The mean wins clearly, and the comparison is not neutral: MiniLM was *trained* with the mean. It
# shows what this model loses when it is pooled in a way it never learned, not that the mean is best for
# every model.

# %% [markdown]
# ### A newer model, higher on the list
#
# **bge-small-en-v1.5** is newer than MiniLM, has twelve layers, and stands far above it on MTEB, the public
# leaderboard of embedding models. It is **asymmetric**: each question gets an instruction before it, the
# documents none. (`ragkit` has it as an int8 file, with each weight in one byte.)

# %% tags=["nbval-check-output"]
bge = ragkit.BGESmallEncoder()
print(bge.prompt)

# %% [markdown]
# Is the instruction worth its tokens? That is a setting: dev. Is the model better than the one we have?
# That is the fourth comparison on test.

# %%
settings = {"bge-small": bge, "without": ragkit.BGESmallEncoder(prompt=None)}
for name, encoder in settings.items():
    retriever = ragkit.DenseRetriever(cache.wrap(encoder)).fit(kb.documents)
    report = ragkit.evaluate(dev.qrels, retriever.run(dev.queries), metric)
    print(f"dev: {name:<10} {tables.with_interval(report.mean[metric], report.interval(metric))}")
newer = ragkit.DenseRetriever(cache.wrap(bge)).fit(kb.documents).run(kb.queries)
found = ragkit.compare(ragkit.evaluate(kb.qrels, newer, metric), reports["minilm"], metric)
p_values["bge-small - minilm"] = found.p_value
print(f"test: bge-small - MiniLM {found.difference:+.3f}, p = {found.p_value:.2g}")

# %% [markdown]
# Four comparisons are four chances to be fooled by luck. **Holm's correction** makes up for it: it
# multiplies the smallest of four p-values by 4, the next by 3, and so on.

# %%
from ragkit.scoring.stats import holm

for pair, p_value in holm(p_values).items():
    print(f"{pair:<30} corrected p = {p_value:.2g}")

# %% [markdown]
# The instruction changes hit_rate@5 by <!--r:lab01.bge.prefix-plain.hit_rate@5:points-->4<!--/r--> points on dev
# [<!--r:lab01.bge.prefix-plain.hit_rate@5:low:points-->-1<!--/r-->, <!--r:lab01.bge.prefix-plain.hit_rate@5:high:points-->9<!--/r-->]:
# nothing is shown. And nothing shows the newer model ahead: the difference
# is <!--r:lab01.bge-small-minilm.hit_rate@5:points-->-6<!--/r--> points
# [<!--r:lab01.bge-small-minilm.hit_rate@5:low:points-->-11<!--/r-->, <!--r:lab01.bge-small-minilm.hit_rate@5:high:points-->-1<!--/r-->],
# with a corrected p of <!--r:lab01.holm.bge-small-minilm-->0.07<!--/r-->: if there is a difference, it points the other way.
# We do not know why. (Our file is int8, which may have cost something; MiniLM as int8 changes
# by <!--r:lab01.bge.int8.hit_rate@5:points-->0.9<!--/r--> points on dev.) A leaderboard averages over other people's
# questions. Ask a model yours before you choose it.

# %% [markdown]
# ## 7 · The loss that makes nearness mean something
#
# MiniLM was trained on pairs that belong together, a question $q_i$ and its document $d_i$. A **batch** of $B$
# pairs sets $B$ small tasks: *which of these $B$ documents belongs to question $i$?* The other $B-1$ documents
# are the wrong choices, for free: [**in-batch negatives**](../theory/glossary.md#in-batch-negatives). The loss has three steps, here for one question and
# three documents, of which the first is right:
#
# 1. divide the cosines by a [**temperature**](../theory/glossary.md#temperature) $\tau$: these are the **logits**;
# 2. **softmax**: exponentiate, divide by the sum. The results are positive and add up to 1, as
#    probabilities do;
# 3. the loss, called **cross-entropy**, is minus the logarithm of the right document's probability: 0
#    if that is 1, and larger the smaller it is.
#
# > 🇪🇸 **Resumen.** En un lote de $B$ pares, cada pregunta debe elegir su documento entre los $B$;
# > los demás sirven de ejemplos negativos. La pérdida InfoNCE es la entropía cruzada de las similitudes
# > divididas por la temperatura $\tau$, que decide cuánto del empuje recae en los negativos más difíciles.

# %% tags=["nbval-check-output"]
row = np.array([0.8, 0.6, 0.1])
logits = row / 0.1
shares = np.exp(logits) / np.exp(logits).sum()
print("logits", logits.round(1), "| shares", shares.round(3), f"| loss {-np.log(shares[0]):.3f}")

# %% [markdown]
# A batch has one such row per question, and in row $i$ the right document is number $i$:
#
# |  | $d_1$ | $d_2$ | $d_3$ |
# |---|---|---|---|
# | $q_1$ | **0.8** | 0.6 | 0.1 |
# | $q_2$ | 0.5 | **0.7** | 0.2 |
# | $q_3$ | 0.3 | 0.1 | **0.9** |
#
# **InfoNCE** is the mean of the rows' losses:
#
# $$\mathcal{L} = -\frac{1}{B}\sum_{i=1}^{B}
# \log\frac{\exp(q_i \cdot d_i/\tau)}{\sum_{j=1}^{B}\exp(q_i \cdot d_j/\tau)}$$
#
# ### Exercise 1.5 · InfoNCE
# *Difficulty ●●● · 20 minutes*
#
# Return the loss as a number. The vectors are used as they are, of length 1 or not. One trap: encoders return
# float32, where `exp` overflows above 88, and with $\tau = 0.01$ logits reach 100. The logarithm of the fraction
# is *logit of the right document* minus *logarithm of the sum of exponentials*, and that last logarithm has a safe
# form: subtract the largest logit of the row from all of them before, and add it after.
#
# <details><summary>Hint 1: a nudge</summary>
#
# All $B^2$ similarities are one matrix product. Row i has the logits of question i; where in the matrix are
# those of the right documents?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# The right ones are on the diagonal: `np.diag` reads it. For each row you need the logarithm of the sum of
# exponentials; `np.logaddexp` is the safe form for two numbers, and its method `reduce` runs it along an axis.
# Subtract the one from the other, row by row, and average.
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
# Now a real batch: a dev question for each document, as MiniLM places them.

# %%
asked = {}  # one question per document, so that hardly any negative is secretly right
for query in dev.queries:
    asked[next(iter(dev.qrels[query.query_id]))] = query.text
q = minilm.encode(list(asked.values()))
d = minilm.encode([kb.by_id[doc_id].full_text for doc_id in asked])
similarity = (q @ d.T).astype(float)
size = len(asked)
print(f"{size} pairs; scoring all documents alike gives a loss of ln {size} = {np.log(size):.2f}")

# %% [markdown]
# The loss of this batch at three temperatures. The library's is written in PyTorch, which training needs:

# %%
import torch


def library_info_nce(queries, documents, temperature):
    """ragkit's loss, of arrays."""
    return float(ragkit.info_nce(torch.tensor(queries), torch.tensor(documents), temperature))


loss_of = check.info_nce.choose(info_nce, library_info_nce)
for tau in (0.01, 0.05, 1):
    print(f"tau {tau:<5} loss {loss_of(q, d, tau):.2f}")

# %% [markdown]
# What happens in training? Every number that raises the loss is pushed down. By how much is a question
# for a derivative, which you can see without calculus: raise the cosine of a wrong document by 0.001 and
# watch the loss.

# %% tags=["nbval-check-output"]
for wrong in (1, 2):
    nudged = row.copy()
    nudged[wrong] += 0.001
    after = np.exp(nudged / 0.1) / np.exp(nudged / 0.1).sum()
    slope = (np.log(shares[0]) - np.log(after[0])) / 0.001
    print(f"document {wrong}: slope {slope:.3f}, its share / temperature {shares[wrong] / 0.1:.3f}")

# %% [markdown]
# The push on a wrong document is its share divided by $\tau$. So the negatives divide the push in
# proportion to $\exp(s_j/\tau)$, and the nearer ones get more. How much more, $\tau$ decides. Back to the real
# batch, and first to one row of it: a question and its documents, the nearest one by one. *Predict first*: what
# becomes of the nearest document's bar and of the others as τ goes to 0.01, and as it goes to 10? Which way does the
# loss of this row move at either end? Then run the cell, and move the slider with the mouse or the arrow keys.

# %%
from ragkit.course import seeing

labelled = list(asked)
place = labelled.index("irregular-write-past")
print(fill(asked[labelled[place]], 90))
seeing.temperature(similarity[place], labelled, right=place)

# %% [markdown]
# For each τ from 0.01 to 10: the loss; how the push is shared among the negatives of a row; the largest of
# these shares; and their *entropy*, a measure of evenness (1 if all are equal).


# %%
def softmax(logits):
    """Shares of each row, float [n, m] -> [n, m]."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


negatives = similarity.copy()
np.fill_diagonal(negatives, -np.inf)  # the right document gets no share of the push
taus = np.geomspace(0.01, 10, 60)
losses = np.array([-np.log(np.diag(softmax(similarity / tau))).mean() for tau in taus])
pushes = [softmax(negatives / tau) for tau in taus]
hardest = np.array([push.max(axis=1).mean() for push in pushes])
entropy = np.array([-(p * np.log(p + 1e-300)).sum(axis=1).mean() for p in pushes])

# %% [markdown]
# The grey band, τ from 0.01 to 0.05, is where published sentence encoders were trained (E5 at one end, SimCSE
# at the other; sources on the theory page).

# %%
plots.show(
    plots.temperature_curves(taus, losses, entropy, hardest, size),
    alt="Two panels over the temperature. Left, the loss: high at the smallest, lowest near 0.05, then "
    "rising to the loss of uniform weights. Right, the weight of the hardest negative falls while the "
    "entropy of the weights rises to 1.",
)

# %% [markdown]
# *In words.* From left to right the weight of the hardest negative falls to that of any other. The
# loss has a minimum, but that does not say which τ trains best: the encoder is fixed here, and
# losses at different τ measure different things. In numbers:

# %% tags=["nbval-check-output"]
for tau in (0.01, 0.05, 0.5, 10):
    loss = -np.log(np.diag(softmax(similarity / tau))).mean()
    top = softmax(negatives / tau).max(axis=1).mean()
    print(f"tau {tau:<5} loss {loss:.2f}  hardest negative {top:.2f}")

# %% [markdown]
# The two limits, which are still seen in print the wrong way round:
#
# - $\tau \to \infty$: all similarities look alike, the softmax is **uniform**, the loss tends to
#   $\ln B$ whatever the encoder does, and all negatives are pushed equally.
# - $\tau \to 0$: **all the weight falls on the hardest negative**. A row that is already ranked right
#   has loss 0; a row that is not has loss (margin of the mistake)$/\tau$, without bound.
#
# One danger to keep in mind for drill 5: a batch may contain, by accident, a document that answers
# another question of the batch too. To the loss this **false negative** is one more wrong choice, and
# often one of the nearest. Lab 04 takes the training steps that this section only talks about.

# %% [markdown]
# ## 8 · The shape of the space
#
# *Principal components* are the directions along which the documents differ most. The first two can be drawn;
# most of the structure is lost, but topics are still visible. (`np.linalg.svd` finds them; you need not know how.)
#
# > 🇪🇸 **Resumen.** Proyectamos los documentos a dos dimensiones para ver los temas, y los comparamos con lo
# > que dan las palabras solas. Después medimos cuánto cuestan las reglas hermanas: se quitan y se vuelve a
# > buscar. Por último, cuánto se apiñan los vectores (anisotropía).

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
# does a document's nearest neighbour share its topic? And what would words alone give?

# %% tags=["nbval-check-output"]
texts = [document.full_text for document in kb.documents]
topics = np.array([document.topic for document in kb.documents])
untrained = ragkit.MiniGPTEncoder.untrained()
spaces = {"token counts": unit(document_counts)}
for name, encoder in {"untrained": untrained, "trained": gpt, "MiniLM": minilm}.items():
    spaces[name] = encoder.encode(texts)
for name, rows in spaces.items():
    near = rows @ rows.T
    np.fill_diagonal(near, -1)  # a document is not its own neighbour
    print(f"{name:<13} {(topics[near.argmax(axis=1)] == topics).mean():.2f}")

# %% [markdown]
# By chance it would be <!--r:lab01.topics.chance-->0.17<!--/r-->, and against chance MiniLM's figure looks like
# understanding. But documents on one topic share words, and counting these goes more than half the way.
# MiniLM minus token counts is <!--r:lab01.topics.minilm-counts:points-->21<!--/r--> points
# [<!--r:lab01.topics.minilm-counts:low:points-->7<!--/r-->, <!--r:lab01.topics.minilm-counts:high:points-->35<!--/r-->].

# %% [markdown]
# ### Sister rules
#
# Rules that differ in one word (`wrote`, `written`, `writing`) are near each other in meaning *and*
# in wording. Do they get in each other's way? To find out, change one thing: take the sisters
# away and rank again. The dataset has six families of sister rules, which the ids of their documents tell:

# %%
FAMILIES = [
    ("irregular-write",),
    ("irregular-speak",),
    ("irregular-eat",),
    ("irregular-lie", "irregular-lay"),
    ("conditional",),
    ("modal-must",),
]
sisters = {}
for family in FAMILIES:
    members = {doc_id for doc_id in kb.by_id if doc_id.startswith(family)}
    sisters |= {doc_id: members - {doc_id} for doc_id in members}

# %% [markdown]
# For each question whose answer has sisters: is the first document right, and is the first that is no
# sister?

# %% tags=["nbval-check-output"]
run = dense.run(kb.queries, k=len(kb.documents))  # whole rankings
before, after = [], []
for query_id, judged in kb.qrels.items():
    away = set().union(*(sisters.get(gold, set()) for gold in judged)) - set(judged)
    if away:
        ranking = list(run[query_id])
        before.append(ranking[0] in judged)
        after.append(next(doc_id for doc_id in ranking if doc_id not in away) in judged)
print(f"hit_rate@1 of {len(before)} questions: {np.mean(before):.2f}, without sisters", end=" ")
print(f"{np.mean(after):.2f}")

# %% [markdown]
# The sisters cost <!--r:lab01.twins.gain:points-->14<!--/r--> points
# [<!--r:lab01.twins.gain:low:points-->6<!--/r-->, <!--r:lab01.twins.gain:high:points-->23<!--/r-->]. A smaller
# base is easier in any case, so the experiment needs a control: with as many *other* documents deleted, the
# nearest to the answer that are no sisters, the change
# is <!--r:lab01.twins.others:points-->0<!--/r-->. Near-duplicates do confuse. (Merely comparing
# the kind *near-duplicate* with all questions would have hidden it: these questions quote words of their
# answers, which makes them easy in another way.)

# %% [markdown]
# ### How wide is the space?
#
# Draw two arrows at random. On a sheet of paper every angle is as likely as any other. In many dimensions
# nearly all pairs are close to a right angle, a cosine of 0:

# %%
rng = np.random.default_rng(0)
arrows = {}
for dimension in (2, 8, 64, 384):
    a, b = rng.normal(size=(2, 5000, dimension))
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    arrows[f"{dimension} dimensions"] = (a * b).sum(axis=1) / lengths
plots.show(
    plots.cosine_histograms(arrows),
    alt="Four histograms of the cosine of two random vectors. In 2 dimensions they fill the range from "
    "-1 to 1; in 8, 64 and 384 dimensions they gather around 0, more narrowly each time.",
)

# %% [markdown]
# *In words.* The cosines spread by about $1/\sqrt{d}$: in 384 dimensions there is room for very many
# texts that have nothing to do with each other. How much of the room does an encoder use? The measure is the
# mean cosine over all pairs of different texts: 0 for directions spread evenly, 1 for a single ray. Texts
# on one subject share words, so read it beside that of the untrained table.
#
# ### Exercise 1.6 · Mean cosine
# *Difficulty ●●○ · 10 minutes*
#
# Return the mean of the cosines of all pairs of different rows, each pair once. The rows may have any length but 0,
# and there are at least two of them. Two different rows may point the same way: their cosine is 1, and it counts.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Exercise 1.2 makes cosines out of dot products, and one matrix product has those of all pairs. What stands
# on its diagonal? And how often does it have each pair?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# A row with itself has cosine 1 and must not count, wherever you add or divide. `np.triu_indices(n, k=1)` gives the
# places of one half of an n × n matrix, without the diagonal, and a matrix can be indexed with them.
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
# The documents of this base in the four spaces. (SciPy, the library here, knows the *cosine distance*, 1 minus
# the cosine.)

# %%
from scipy.spatial.distance import pdist


def library_mean_cosine(vectors):
    """From the distances of all pairs."""
    return 1 - pdist(vectors, "cosine").mean()


spread = check.mean_cosine.choose(mean_cosine, library_mean_cosine)
for name, rows in spaces.items():
    print(f"{name:<13} {spread(rows):.2f}")

# %% [markdown]
# Training MiniGPT has narrowed its space,
# from <!--r:lab01.cone.untrained.plain-->0.22<!--/r--> to <!--r:lab01.cone.minigpt-table.plain-->0.45<!--/r-->; MiniLM, which was
# trained to push apart what does not belong together, has <!--r:lab01.cone.minilm.plain-->0.16<!--/r-->. (The
# narrow cone is called **anisotropy**.) It looks like a good reason for a bad search. Is it the reason? That needs an experiment that widens the
# cone and changes nothing else. Lab 04 makes it.

# %% [markdown]
# ## 9 · Drills
#
# Put each answer in its variable. Numbers and choices are checked at once, with a line for each part: ✓ right,
# ✗ not right, ○ not answered yet, ✎ for a person to read. A text has 20 words or more. `0.25`, `"25%"`,
# `"1/4"` and `"75 KiB"` are all read. In a clone of the repository, for those who learn alone, the key points
# of a text can be unfolded and ticked once it is written.
#
# > 🇪🇸 **Resumen.** Cinco cuestiones. Los números y las elecciones se comprueban al momento, y cada parte
# > tiene su línea: ✓ bien, ✗ mal, ○ sin responder, ✎ lo lee una persona. Puedes responder en español:
# > textos, opciones (`"uniforme"` o `"one-hot"`) y números con sus unidades (`"0,25"`, `"25 %"`, `"7 segundos"`).
# > Quien aprende por su cuenta, en un clon del repositorio, puede desplegar después los puntos clave.
#
# **Drill 1.** A bi-encoder gives a 768-dimensional vector for each of 120 chunks (pieces of a text),
# stored as fp32 (32-bit floating point). How many bytes do they take, and how many MiB? Answer `(bytes, mib)`, the second to three decimals.

# %%
# BEGIN SOLUTION: drill_01_1 = None
drill_01_1 = (120 * 768 * 4, 0.352)
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
# `(one, other, what)`. Words are counted and MiniLM's cosine is shown. Whether the two state the same
# rule, a person judges. MiniLM learnt from English: what does it make of a pair in Spanish?

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
# **Drill 5.** Of τ = 0.02 and τ = 0.2, which one concentrates the gradient on the hardest negatives?
# Towards which distribution does the softmax tend as τ → ∞, `"uniform"` or `"one-hot"`? And what
# does it mean in training? Answer `(tau, limit, reason)`.

# %%
# BEGIN SOLUTION: drill_01_5 = None
drill_01_5 = (
    0.02,
    "uniform",
    """With 0.02 a difference of 0.1 in cosine multiplies a negative's weight by e to the fifth, so
    the few negatives that look most like the positive get nearly all the push: sharp, fast, but
    sensitive to false negatives. With 0.2 the same difference means a factor of 1.6: all negatives
    are pushed more alike and fine distinctions are hardly learnt.""",
)
# END SOLUTION
drills.check("01_5", drill_01_5)

# %% [markdown]
# ## What to take away
#
# - An encoder maps text to a unit vector; then similarity is a dot product and search is a matrix
#   product. Documents are encoded once.
# - A mean over a table of token vectors already is an encoder, and over a random table it is a blurred count of
#   words. Compare every model with its own untrained self, with token counts and with BM25.
# - A pretrained, contrastively trained encoder does far better, and sister rules still cost it many first
#   places.
# - A difference without an interval is an anecdote, and one training run is one draw. A place on a
#   leaderboard says little about your questions.
# - The temperature decides who gets pushed: small τ the hardest negatives, large τ all alike.
#
# > 🇪🇸 **Resumen.** Un codificador convierte la búsqueda en un producto de matrices. Sin control, sin
# > intervalos y sin BM25 al lado, una cifra no dice nada, y un entrenamiento es un solo sorteo. El
# > entrenamiento contrastivo es lo que funciona, y aun así las reglas hermanas se confunden.
#
# **Next:** lab 02, chunking and indexes: what to encode when a text is long, and how to search when
# there are many.

# %% [markdown]
# ## How far you are
#
# In your own copy of this lab, in `work/`, the next cell shows the latest verdict on every exercise and drill of
# all labs. `ragkit progress` prints them with titles and dates.
#
# > 🇪🇸 **Resumen.** En tu copia de este laboratorio, en `work/`, la celda siguiente muestra el último veredicto de
# > cada ejercicio y de cada cuestión de todos los laboratorios.

# %%
from ragkit.course.work import overview

overview.show()
