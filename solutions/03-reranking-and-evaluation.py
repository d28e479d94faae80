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
# # Lab 03 · Reranking and evaluation
#
# **Goal.** Put a second, slower reader behind the search of lab 01, find out what it sees and what it
# costs, and decide by measurement whether it helps *here*, and used how.
#
# **Time.** About 200 minutes, best in two sittings: sections 1 to 4 (110 minutes), then 5 to 9 (90). In
# all, 100 of reading and running, 65 for six exercises, 35 for five drills.
#
# **You need** lab 01. Everything runs on a laptop, without a network; a few cells take from some seconds
# to half a minute, because a cross-encoder is at work. Words are explained in the
# [glossary](../theory/glossary.md), and all formulas are on the [cheat sheet](../theory/cheat-sheet.md).
#
# > 🇪🇸 **Resumen.** Pondremos detrás de la búsqueda del laboratorio 01 un segundo lector, más lento
# > (un cross-encoder), averiguaremos qué ve y cuánto cuesta, y decidiremos midiendo si aquí ayuda y cómo
# > hay que usarlo. Unos 200 minutos, mejor en dos sesiones (secciones 1 a 4 y 5 a 9), sin conexión a la red.
#
# Replace `raise NotImplementedError` with your code, then run the cell below it: it answers *not
# attempted*, *incorrect* (and why) or *correct*. Nothing later depends on your answer.

# %%
# %matplotlib inline
import time
from importlib.metadata import version

import numpy as np

import ragkit
from ragkit.course import check, drills, ledger, plots, tables

for package in ("onnxruntime", "sentence-transformers", "bm25s", "numpy"):
    print(package, version(package))

# %% [markdown]
# The same knowledge base and the same split as before: we explore and choose on `dev`. `test` is kept
# for four comparisons, which section 4 names before it looks.

# %%
kb = ragkit.load_kb(split="test")
dev = ragkit.load_kb(split="dev")
print(kb)
print(dev)

# %% [markdown]
# Two models. The **bi-encoder** MiniLM turns each text into a vector, alone. The **cross-encoder**
# reads a question and a text *together* and returns one number. Ours is ms-marco-MiniLM-L-12-v2,
# twelve layers, quantised to 8-bit integers, trained on questions to a web search engine and the
# English passages that answer them (MS MARCO).

# %%
minilm = ragkit.MiniLMEncoder(backend="auto")
cross = ragkit.CrossEncoderReranker()
dense = ragkit.DenseRetriever(ragkit.EmbeddingCache().wrap(minilm)).fit(kb.documents)

# %% [markdown]
# ## 1 · Two texts in, one number out
#
# `predict` takes (question, text) pairs and returns raw [**logits**](../theory/glossary.md#logit): any real number, higher means
# more relevant. The model's card gives two, for the full-precision model: 9.22 and -4.08. Ours, with its
# weights rounded to integers, should come close:
#
# > 🇪🇸 **Resumen.** El cross-encoder lee juntos la pregunta y el texto y devuelve un solo número
# > (logit): cuanto más alto, más relevante. Comprobamos las dos puntuaciones que publica la ficha del
# > modelo.

# %%
berlin = "How many people live in Berlin?"
texts = [
    "Berlin had a population of 3,520,031 registered inhabitants in an area of 891.82 square kilometers.",
    "Berlin is well known for its museums.",
]
scores = cross.predict([(berlin, text) for text in texts])
print("logits:", *(f"{score:.2f}" for score in scores))
assert np.allclose(scores, [9.2189, -4.0780], atol=0.5)

# %% [markdown]
# (In lab 01 the logits were cosines divided by $\tau$; the word means "score before the squashing".) Do
# not read $1/(1+e^{-z})$ of a logit $z$ as a probability: whether it is one depends on how the model was
# trained, and the card does not say. Only the order within one question counts. Now a question of ours,
# with the bi-encoder's cosine beside the logit:

# %%
question = "past participle of eat?"
for hit in dense.search(question, k=4):
    logit = cross.predict([(question, kb.by_id[hit.doc_id].full_text)])[0]
    print(f"cosine {hit.score:.2f}   logit {logit:6.2f}   {hit.doc_id}")

# %% [markdown]
# Logits lie much further apart than cosines. The scales have nothing to do with each other, and
# neither of them says by how much a document is *better*.

# %% [markdown]
# ## 2 · What only the cross-encoder sees
#
# In a cross-encoder every token of the question attends to every token of the text, in every layer. A
# bi-encoder must squeeze the text into one vector before it knows the question. So the cross-encoder
# *can* check who did what to whom. Does it?
#
# > 🇪🇸 **Resumen.** Pares mínimos: dos textos casi iguales, de los que solo uno responde a la
# > pregunta (orden de palabras, negación, quién hizo qué). Contamos cuántas veces acierta cada modelo
# > y damos el resultado tal cual; 24 pares son muy pocos para distinguirlos.
#
# The test is made of **minimal pairs**: two texts of nearly the same words, of which only one answers
# the question. They were written before any score was seen, and none was changed afterwards. A line
# reads *question | template | filler | filler*: the fillers in this order give the right text, in the
# other order the wrong one. First, **word order**:

# %%
word_order = """
What comes before the past participle in the passive? | {} comes before {}. | a form of be | the past participle
Which letter changes into i before -ed? | {} changes into {} before -ed. | Y | I
How do I turn direct speech into reported speech? | To turn {} speech into {} speech, move the tenses. | direct | reported
How do I turn an active sentence into a passive one? | From {} to {}: the object becomes the subject. | active | passive
Which verbs take an infinitive and not -ing? | After these verbs comes {}, not {}. | an infinitive | an -ing form
What do Americans say for the British got? | Americans say {} where the British say {}. | gotten | got
How do I make the verb advise from the noun advice? | To make {} from {}, change one letter. | the verb | the noun
In which structure does the object precede the infinitive? | {} comes first and {} second. | the object | the infinitive
"""

# %% [markdown]
# Then **negation**, where a template with one place takes the first filler only:

# %%
negation = """
Which verbs are not used in the continuous? | These verbs are {} in the continuous. | not used | used
How do I say that parking is forbidden? | You may {} here. | not park | park
Which final letters never double? | These final letters are {} doubled. | never | always
Which verbs are not followed by to? | This verb is {} by to. | not followed | followed
When is the agent of a passive left out? | The agent is {} here. | not mentioned | mentioned
When do I not need do in a question? | {} an auxiliary, a question is made {} do. | with | without
Which phrasal verbs cannot be separated? | These phrasal verbs {} be separated. | cannot | can
How do I say that there is no obligation to come? | You {} come. | do not have to | have to
"""

# %% [markdown]
# All eight of these ask for the *negated* case: a model that always liked *not* would get all eight. So
# here are the same two texts with the question **turned round**, so that the other text is right. (They
# were added after the other scores had been seen; the wording follows from the block above.)

# %%
turned_round = """
Which verbs are used in the continuous? | These verbs are {} in the continuous. | used | not used
How do I say that parking is allowed? | You may {} here. | park | not park
Which final letters always double? | These final letters are {} doubled. | always | never
Which verbs are followed by to? | This verb is {} by to. | followed | not followed
When is the agent of a passive mentioned? | The agent is {} here. | mentioned | not mentioned
When do I need do in a question? | {} an auxiliary, a question is made {} do. | without | with
Which phrasal verbs can be separated? | These phrasal verbs {} be separated. | can | cannot
How do I say that there is an obligation to come? | You {} come. | have to | do not have to
"""

# %% [markdown]
# And **roles**: who did what to whom.

# %%
roles = """
Who was bitten by the man? | {} was bitten by {}. | the dog | the man
Who received a letter from the student? | {} wrote a letter to {}. | the student | the teacher
Who borrowed money from Anna? | {} borrowed the money from {}. | Ben | Anna
Who taught Peter to swim? | {} taught {} to swim. | Mary | Peter
Who made the children wait? | {} made {} wait. | the doctor | the children
What interrupted the lesson? | {} interrupted {}. | the phone call | the lesson
Who asked Tom to leave? | {} asked {} to leave. | Lucy | Tom
What has replaced whom in everyday speech? | {} has replaced {} in everyday speech. | who | whom
"""

# %% [markdown]
# Fill in the templates, score both texts with both models, and keep the differences: right minus
# wrong. Above 0 means that the model prefers the right text.


# %%
def minimal_pair(line):
    """(question, right, wrong) of one line."""
    question, template, one, other = line.split(" | ")
    right, wrong = template.format(one, other), template.format(other, one)
    return question, right[0].upper() + right[1:], wrong[0].upper() + wrong[1:]


def preferences(block):
    """Cosine and logit of right minus wrong, float [n] each."""
    pairs = [minimal_pair(line) for line in block.strip().splitlines()]
    logits = cross.predict([(q, text) for q, *both in pairs for text in both]).reshape(-1, 2)
    q, right, wrong = (minilm.encode([pair[i] for pair in pairs]) for i in range(3))
    return np.einsum("nd,nd->n", q, right - wrong), logits[:, 0] - logits[:, 1]


# %% [markdown]
# How often does each model prefer the right text?

# %%
kinds = {
    "word order": word_order,
    "negation": negation,
    "turned round": turned_round,
    "roles": roles,
}
preferred = {kind: preferences(block) for kind, block in kinds.items()}
for kind, (cosines, logits) in preferred.items():
    print(
        f"{kind:<12} bi-encoder {(cosines > 0).sum()} of 8, cross-encoder {(logits > 0).sum()} of 8"
    )

# %% [markdown]
# One dot per pair. Mind the units: the two axes cannot be compared with each other.

# %%
differences = {
    "bi-encoder": {kind: cosines for kind, (cosines, _) in preferred.items()},
    "cross-encoder": {kind: logits for kind, (_, logits) in preferred.items()},
}
plots.show(
    plots.value_strips(differences, ["right minus wrong, cosine", "right minus wrong, logit"]),
    alt="Dots around a line at 0, one row per kind of minimal pair, one panel per model. Under the "
    "cross-encoder negation lies right of 0 and word order on both sides; the bi-encoder's rows "
    "all have dots on both sides.",
)

# %% [markdown]
# *In words.* Of the 24 pairs of word order, negation and roles the bi-encoder
# orders <!--r:lab03.pairs.bi.all-->17<!--/r--> rightly and the
# cross-encoder <!--r:lab03.pairs.cross.all-->17<!--/r-->. With the cross-encoder the dots of *negation* lie
# right of 0, some of them barely, and those of *word order* on both sides.
#
# *negation* and *turned round* can be scored together: the same two texts, two questions, and a model has
# understood the negation only if it gets **both** right. That is the score of NevIR, a benchmark made for
# this (Weller et al. 2024). A model that ignored the question would get none of our eight, a coin
# two; the cross-encoder gets <!--r:lab03.pairs.cross.paired-->6<!--/r-->, the
# bi-encoder <!--r:lab03.pairs.bi.paired-->4<!--/r-->.
#
# - **Being able to see is not the same as looking.** Nothing keeps a cross-encoder from checking word order. On
#   these eight pairs it gets <!--r:lab03.pairs.cross.word_order-->4<!--/r--> (the
#   bi-encoder <!--r:lab03.pairs.bi.word_order-->4<!--/r-->), as a coin would.
# - **A bi-encoder is not a bag of words.** Its vectors change with word order, though not reliably the right
#   way. What it cannot do is read the text in the light of the question.
# - **Twenty-four pairs are too few.** A coin gets 17 or more of 24 right about once in thirty. NevIR, with
#   thousands of pairs about negation, finds cross-encoders best, bi-encoders at or below chance, and all of them far
#   from people. Our equal counts do not speak against that.

# %% [markdown]
# ## 3 · What it costs
#
# A bi-encoder reads each document once, before any question arrives. A cross-encoder's input contains
# the question, so in this architecture nothing can be computed beforehand: **one forward pass per
# candidate, at question time**. Pairs can be *batched* on hardware that benefits from it; they cannot be
# *stored*.
#
# > 🇪🇸 **Resumen.** El cross-encoder exige una pasada por cada candidato una vez conocida la pregunta,
# > porque esta forma parte de la entrada. Los pares pueden calcularse por lotes, pero no de antemano.
# > Medimos el tiempo en esta máquina.


# %%
def median_seconds(function, inputs):
    """Median time of one call, the first five calls not counted."""
    seconds = []
    for one in inputs:
        started = time.perf_counter()
        function(one)
        seconds.append(time.perf_counter() - started)
    return np.median(seconds[5:])


pairs = [
    (query.text, document.full_text) for query in dev.queries[:5] for document in kb.documents[:10]
]
per_pair = median_seconds(lambda pair: cross.predict([pair]), pairs)
print(f"{1000 * per_pair:.1f} ms a pair")

# %% [markdown]
# Beside it, what the first stage spends on one question: one pass of a smaller model, and a product. The
# same MiniLM is run twice, by PyTorch and by onnxruntime, which also runs the cross-encoder. The lines
# below multiply the time of a single pair; several pairs at once take less on several threads.

# %%
asked = [query.text for query in dev.queries[:30]]
for backend in ("torch", "onnx"):
    encoder = ragkit.MiniLMEncoder(backend=backend)
    per_query = median_seconds(lambda q, e=encoder: dense.index.search(e.encode([q]), 10), asked)
    print(f"first stage by {backend:<5} {1000 * per_query:6.1f} ms, any number of candidates")
for candidates in (10, 50, 1000, 1_000_000):
    print(f"second stage over {candidates:>9,} candidates: {candidates * per_pair:10.2f} s")

# %% [markdown]
# The times are of this machine and change from run to run; the shape does not: the second stage grows
# in proportion to the candidates. Over a million documents it would take hours, for *one* question.
# Hence **two stages**: a cheap one that finds candidates, and an expensive one that orders a few of them.

# %% [markdown]
# ## 4 · Two stages
#
# What the first stage has not found, the second cannot bring back. A reranker of the first $N$ can put a
# right document at rank 1 only if one is among the $N$. So **hit_rate@N of the first stage is the
# ceiling** of hit_rate@1. (With one right document per question it is the same number as recall@N.)
#
# > 🇪🇸 **Resumen.** La primera etapa pone el techo: lo que no encuentra, la segunda no lo recupera. Con
# > *dev* elegimos la profundidad y el peso del cross-encoder; después miramos *test* una sola vez, con
# > cuatro comparaciones anunciadas. Reordenar tirando la puntuación de la primera etapa no muestra
# > ninguna ganancia; mezclar las dos puntuaciones, sí, aunque por poco.

# %%
lexical = ragkit.BM25Retriever().fit(kb.documents)
depths = [1, 2, 5, 10, 20, 50]
wanted = [f"hit_rate@{n}" for n in depths]
ceilings = {
    name: ragkit.evaluate(dev.qrels, retriever.run(dev.queries, k=56), wanted)
    for name, retriever in {"MiniLM": dense, "BM25": lexical}.items()
}

# %% [markdown]
# The curves on the dev questions:

# %%
plots.show(
    plots.ceiling_curve(depths, {name: list(r.mean.values()) for name, r in ceilings.items()}),
    alt="Hit_rate@N of MiniLM and BM25 against the number of candidates N. Both rise with every step, "
    "MiniLM stays above BM25 and is nearly 1 at fifty candidates.",
)

# %% [markdown]
# *In words.* MiniLM has a right document at rank 1
# for <!--r:lab03.dev.minilm.hit_rate@1:points-->60<!--/r-->% of the questions, and among the first ten
# for <!--r:lab03.dev.ceiling.10:points-->90<!--/r-->%. So a perfect reranker of ten candidates would raise
# hit_rate@1 by more than a quarter of all questions. The room is there.
#
# ### Exercise 3.1 · Two stages
# *Difficulty ●●○ · 10 minutes*
#
# You get the scores of both stages for all $n$ documents of one question. (A real pipeline computes
# the second for the candidates only.) Take the `depth` best by the first stage's scores, order *them* by
# the second stage's scores, highest first, and return the row numbers (from 0) of the `k` best. `depth` and
# `k` may each be larger than what there is: then take all.
#
# Among equal scores, in either stage, the lower row comes first, so that every run gives the same answer.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Keep two kinds of number apart: a document's row, from 0 to n − 1, and its place among the candidates. What
# you get by sorting the candidates' scores is a place; what is asked for is a row.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Three steps. First the rows of the candidates: `np.argsort` sorts upwards, so give it negated scores. Then
# their second scores, picked out by an array of rows. Then sort those, and go from places back to rows.
#
# Ties: `np.argsort` leaves equal scores in the order in which they stood only with `kind="stable"`. For the
# lower row to come first, in what order should the candidates stand before the second sort?
#
# </details>


# %%
def two_stage(first, second, depth, k):
    """Rows of the k best candidates: float [n], float [n], int, int -> int [min(n, depth, k)]."""
    # BEGIN SOLUTION
    candidates = np.sort(np.argsort(-first, kind="stable")[:depth])
    best = np.argsort(-second[candidates], kind="stable")[:k]
    return candidates[best]
    # END SOLUTION


# %%
check.two_stage(two_stage)

# %% [markdown]
# Now a question of your own: change `my_question`, and run this cell and the next two again. It scores all 56
# documents with both models.

# %%
my_question = 'Why can\'t I say "I am wanting a coffee"?'
cosines = {hit.doc_id: hit.score for hit in dense.search(my_question, k=56)}
first_scores = np.array([cosines[document.doc_id] for document in kb.documents])
second_scores = cross.predict([(my_question, document.full_text) for document in kb.documents])

# %% [markdown]
# Your function is used if it is right, and until then the library's. The three best of ten candidates:

# %%
from ragkit.ranking import ranked


def library_two_stage(first, second, depth, k):
    candidates = ranked(enumerate(first.tolist()), depth)
    return [row for row, _ in ranked([(row, second[row]) for row, _ in candidates], k)]


rerank = check.two_stage.choose(two_stage, library_two_stage)
for row in rerank(first_scores, second_scores, 10, 3):
    print(f"{second_scores[row]:6.2f}  {kb.documents[row].doc_id}")

# %% [markdown]
# In `ragkit` the same is written `first_stage >> reranker`, and only the ten candidates are scored twice. It
# should name the same documents:

# %%
pipeline = (dense >> cross).with_depth(10)
for hit in pipeline.search(my_question, k=3):
    print(f"{hit.rank}. {hit.score:6.2f}  {hit.doc_id}")

# %% [markdown]
# ### How deep, and how much say?
#
# Two settings. The [**depth**](../theory/glossary.md#depth) is the number of [candidates](../theory/glossary.md#candidates). The **weight** says how far the second stage
# is trusted. The pipeline above has a weight of 1: the reranker's order counts, and the cosine, the
# verdict of an independent witness, is thrown away. One can keep it: bring both scores of the candidates
# to the range from 0 to 1 (lowest to highest, "min-max") and mix them,
#
# $$s = w \cdot \text{logit}' + (1 - w) \cdot \text{cosine}'$$
#
# In `ragkit` that is `pipeline.with_weight(0.4)`.
#
# Score each (question, candidate) pair **once**, at the largest depth, and read the smaller ones off. The
# logits are also kept on disk, so that this lab need not wait for them when you open it again. That does
# not avoid the cost: a new question is a new pair with every candidate.


# %%
from ragkit.search.fusion import convex_combination

scorer = ragkit.ScoreCache().wrap(cross)


def score_candidates(queries, first, depth):
    """Logits of each query's first `depth` documents: {query_id: {doc_id: logit}}."""
    logits = {}
    for query in queries:
        ids = list(first[query.query_id])[:depth]  # a run is ordered, best first
        scores = scorer.predict([(query.text, kb.by_id[i].full_text) for i in ids])
        logits[query.query_id] = dict(zip(ids, scores.tolist(), strict=True))
    return logits


def mixed(first, logits, weight):
    """Logits and first-stage scores of the same candidates, mixed with this weight."""
    candidates = {q: {i: first[q][i] for i in row} for q, row in logits.items()}
    return convex_combination([logits, candidates], [weight, 1 - weight])


# %% [markdown]
# All 115 dev questions at depth 10: 1150 forward passes. Expect ten seconds or more.

# %%
dev_first = dense.run(dev.queries, k=56)
started = time.perf_counter()
dev_logits = score_candidates(dev.queries, dev_first, depth=10)
print(f"{time.perf_counter() - started:.0f} s")

# %% [markdown]
# mrr@10 by weight:

# %%
report = ragkit.evaluate(dev.qrels, dev_first, "mrr@10")
print(f"no reranker  {tables.with_interval(report.mean['mrr@10'], report.interval('mrr@10'))}")
for weight in (0.2, 0.4, 0.6, 0.8, 1.0):
    report = ragkit.evaluate(dev.qrels, mixed(dev_first, dev_logits, weight), "mrr@10")
    shown = tables.with_interval(report.mean["mrr@10"], report.interval("mrr@10"))
    print(f"weight {weight}   {shown}")

# %% [markdown]
# The same for four depths and ten weights was measured once and is in the course's
# [ledger](../theory/glossary.md#ledger), from which the next picture and every number in this text are taken.

# %%
measured = ledger.load()
weights = [n / 10 for n in range(1, 11)]


def on_dev(key):
    """mrr@10 on dev, from the ledger."""
    return measured[f"lab03.dev.{key}.mrr@10"]["value"]


staged = {f"depth {d}": [on_dev(f"depth-{d}.weight-{w}") for w in weights] for d in (5, 10, 20, 50)}
alone = {"MiniLM alone": on_dev("minilm")}
plots.show(
    plots.weight_curves(
        weights, {"the cross-encoder": staged}, {"the cross-encoder": alone}, "mrr@10"
    ),
    alt="mrr@10 on dev by the weight of the cross-encoder, one curve per depth. Each curve rises above "
    "the dashed line of MiniLM alone at weights of 0.3 to 0.5 and falls below it towards weight 1, "
    "where deeper curves lie lower.",
)

# %% [markdown]
# *In words.* At the right edge, where the cosine is thrown away, every depth lies below MiniLM alone, and
# the deeper the lower: <!--r:lab03.dev.depth-5.weight-1.0.mrr@10-->0.68<!--/r--> at depth
# 5, <!--r:lab03.dev.depth-50.weight-1.0.mrr@10-->0.65<!--/r--> at depth 50. In the middle, with both witnesses heard, every
# depth lies above it. Who misleads the reranker at depth 50? At weight 1 a wrong document comes first
# for <!--r:lab03.dev.misled.weight-1.0:n-->50<!--/r--> questions, and
# for <!--r:lab03.dev.misled.weight-1.0-->17<!--/r--> of them it is one that MiniLM had put beyond rank 10. At weight 0.3
# that happens <!--r:lab03.dev.misled.weight-0.3-->0<!--/r--> times. So depth as such does no harm; forgetting what the
# first stage found unlikely does.
#
# **The choice**, by mrr@10. One question more or less at rank 1 moves the mean by 1/115. Depths
# whose best value is within that of the best of all count as equal, and then the cheapest wins:
# depth <!--r:lab03.chosen.depth-->10<!--/r-->, with a weight of <!--r:lab03.chosen.weight-->0.4<!--/r-->.
# (Which of 10, 20 and 50 is truly best, 115 questions cannot tell. And the best of forty settings looks better
# on dev than it is: how much it gains, only test can say.)
#
# One thing is unfair to depth 5: its lists end at rank 5, so mrr@10 looks at five documents only. With the
# rest in the first stage's order below, weight 1 would
# have <!--r:lab03.dev.whole-lists.mrr@10-->0.69<!--/r--> there: still below MiniLM alone.

# %% [markdown]
# ### The plan for test
#
# Whoever looks often finds something. So we say beforehand what we shall look at on test, all by mrr@10.
# (Earlier editions of this lab had looked at test more often. No setting was taken from there.)
#
# | | comparison | question |
# |---|---|---|
# | 1 | reordered (depth 10, weight 1) − MiniLM | does plain reranking help? |
# | 2 | mixed (depth 10, weight 0.4) − MiniLM | does it help if the cosine keeps a say? |
# | 3 | BM25 and MiniLM combined − MiniLM | does hybrid search help? (section 5) |
# | 4 | BM25 and MiniLM combined − fused by ranks | is one way of combining better? (section 5) |
#
# Now the first two. This cell makes one forward pass for each of 232 × 10 pairs.

# %%
before = dense.run(kb.queries, k=56)
started = time.perf_counter()
test_logits = score_candidates(kb.queries, before, depth=10)
print(f"{time.perf_counter() - started:.0f} s")

# %% [markdown]
# Before → after, the difference with its 95% interval, the paired p-value of lab 01, and the difference
# that so many questions would have shown with 80% power. (ndcg@10 is explained in section 7: like mrr@10
# it rewards high places, but it counts all right documents.)

# %%
metrics = ["hit_rate@1", "hit_rate@5", "mrr@10", "ndcg@10"]
runs = {
    "MiniLM": before,
    "reordered": test_logits,
    "mixed": mixed(before, test_logits, 0.4),
}
reports = {name: ragkit.evaluate(kb.qrels, run, metrics) for name, run in runs.items()}
for name in ("reordered", "mixed"):
    print(name, "− MiniLM")
    for metric in ("mrr@10", "hit_rate@1"):
        a, b = reports["MiniLM"], reports[name]
        found = ragkit.compare(b, a, metric)
        low, high = found.interval
        print(
            f"  {metric:<10} {a.mean[metric]:.3f} → {b.mean[metric]:.3f}   "
            f"{found.difference:+.3f} [{low:+.3f}, {high:+.3f}]  p = {found.p_value:.3f}  "
            f"could have seen {found.detectable:.3f}"
        )

# %% [markdown]
# **The verdict.** Plain reordering changes mrr@10
# by <!--r:lab03.planned.reorder.mrr@10:points-->-0.8<!--/r--> points
# [<!--r:lab03.planned.reorder.mrr@10:low:points-->-4.7<!--/r-->, <!--r:lab03.planned.reorder.mrr@10:high:points-->3.2<!--/r-->]: **neither a gain nor a loss is
# shown**. That is not the same as "no effect". This test would have seen a true difference
# of <!--r:lab03.planned.reorder.mrr@10:detectable:points-->5.5<!--/r--> points of mrr@10
# or <!--r:lab03.planned.reorder.hit_rate@1:detectable:points-->8.3<!--/r--> of hit_rate@1 four times in five, and a smaller one
# less often.
#
# The mixture of the *same* two scores over the *same* ten candidates changes mrr@10
# by <!--r:lab03.planned.mix.mrr@10:points-->2.9<!--/r--> points
# [<!--r:lab03.planned.mix.mrr@10:low:points-->0.6<!--/r-->, <!--r:lab03.planned.mix.mrr@10:high:points-->5.2<!--/r-->]. It is also the steadier of the two: a mixture
# moves fewer questions, so that smaller differences can be seen. Section 5 asks what is left of its
# p-value when the other three comparisons are counted in.

# %% [markdown]
# ### Rescued and broken
#
# A mean that hardly moves may hide many moves. Back to dev: which questions does plain reordering bring to
# rank 1, and which lose it there? And with the mixture?


# %%
def first_is_right(run, query_id):
    """Is the best document of the run relevant?"""
    return max(run[query_id], key=run[query_id].get) in dev.qrels[query_id]


moved = {}
for weight in (1.0, 0.4):
    run = mixed(dev_first, dev_logits, weight)
    rescued, broken = [], []
    for query in dev.queries:
        old, new = (first_is_right(r, query.query_id) for r in (dev_first, run))
        if old != new:
            (rescued if new else broken).append(query)
    moved[weight] = {"rescued": rescued, "broken": broken}
    print(f"weight {weight}: {len(rescued)} rescued, {len(broken)} broken, of {len(dev.queries)}")

# %% [markdown]
# Some of each under plain reordering, with the document that came first before and after:

# %%
for name, group in moved[1.0].items():
    for query in group[:8:2]:
        rows = [run[query.query_id] for run in (dev_first, dev_logits)]
        tops = [max(row, key=row.get) for row in rows]
        print(f"{name} | {query.text}\n{'':8}  {tops[0]} → {tops[1]}")

# %% [markdown]
# Many questions move, about as many in each direction. The mixture keeps most of the rescues and breaks
# fewer: where the first stage is sure, a mild preference of the second no longer overrules it.
#
# Move the two settings yourself. *Predict first*, at weight 1: will a greater depth only add questions to
# both lists, or also take some out? And is there a weight at which few are lost and most are still rescued?
# Run the cell for the sliders; nothing is scored again.

# %%
from ragkit.course import ask, seeing

seeing.rerank_depth(dev, dev_first, dev_logits)

# %% [markdown]
# ### A low score is not a wrong order
#
# MS MARCO pairs questions to a search engine with English passages. How relevant does the model find the
# *right* documents of ours, and how far ahead of the best *wrong* one of the ten are they?

# %%
levels, leads = {}, {}
for kind, ids in dev.kinds.items():
    pairs = []
    for q in ids:
        right = [s for i, s in dev_logits[q].items() if i in dev.qrels[q]]
        if right:
            wrong = [s for i, s in dev_logits[q].items() if i not in dev.qrels[q]]
            pairs.append((max(right), max(right) - max(wrong)))
    levels[f"{kind} (n={len(pairs)})"], leads[kind] = np.array(pairs).T
plots.show(
    plots.value_strips(
        {"the right document": levels, "its lead": leads},
        ["logit", "logit, right minus best wrong"],
    ),
    alt="Two panels of dots, one row per kind of question. Left, logits of the right documents: lexical "
    "far right of 0, situational and Spanish far left. Right, their lead over the best wrong "
    "document: around 0 for all kinds but lexical, where it is mostly large.",
)

# %% [markdown]
# *In words.* For *situational* questions the right document has a logit
# of <!--r:lab03.dev.kind.situational.right-->-7.8<!--/r--> on average, which looks like a clear "no". The best wrong one
# has <!--r:lab03.dev.kind.situational.rival-->-8.9<!--/r-->: lower still. For *Spanish* questions the two
# are <!--r:lab03.dev.kind.spanish.right-->-6.2<!--/r-->
# and <!--r:lab03.dev.kind.spanish.rival-->-8.7<!--/r-->, for *lexical*
# ones <!--r:lab03.dev.kind.lexical.right-->7.7<!--/r--> and <!--r:lab03.dev.kind.lexical.rival-->0.2<!--/r-->. The
# **level** says how much a pair resembles the training data; the **order** is another matter. A cut-off
# such as "show nothing below 0" would have thrown most right answers away.
#
# **A good place to stop.** What comes next needs only this: reordering alone shows nothing; the plan has two
# comparisons left.

# %% [markdown]
# ## 5 · Hybrid search
#
# BM25 knows exact words, MiniLM knows paraphrase: their mistakes differ, so combine them. Their scores
# live on different scales and should not be added as they are. **Reciprocal rank fusion** (Cormack et al.
# 2009) avoids scores: it adds for each document $1/(k + \text{rank})$ over the systems, with $k = 60$.
#
# > 🇪🇸 **Resumen.** La búsqueda híbrida combina BM25 y vectores. La fusión de rangos recíprocos (RRF) da el
# > mismo peso a los dos, y aquí arrastra hacia abajo al mejor; una combinación convexa de las
# > puntuaciones, con el peso elegido con *dev*, la supera. Al final, las cuatro comparaciones de *test*,
# > con la corrección de Holm.
#
# ### Exercise 3.2 · Reciprocal rank fusion
# *Difficulty ●●○ · 10 minutes*
#
# `ranks[s, d]` is the rank of document `d` in system `s`, from 1; 0 means that the system did not rank
# it, and then the system contributes nothing to it. Return the fused score of every document, in the order
# of the columns; one that no system ranked has 0.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Begin with a table of the same shape as `ranks`: what does each system give to each document? One kind of
# entry needs care.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Compute the whole table at once by the formula above, and put 0 where the rank is 0 (`np.where` chooses
# entry by entry). Of a table `[systems, documents]`, which axis must the sum remove to leave `[documents]`?
#
# </details>


# %%
def rrf(ranks, k):
    """Fused scores: int [systems, documents] with 0 for not ranked, k >= 1 -> float [documents]."""
    # BEGIN SOLUTION
    shares = np.where(ranks > 0, 1 / (k + ranks), 0.0)  # [systems, documents]
    return shares.sum(axis=0)
    # END SOLUTION


# %%
check.rrf(rrf)

# %% [markdown]
# Your function on both systems' rankings of the dev questions. `rank_table` brings those of one question into
# the form of the exercise:


# %%
def rank_table(rankings):
    """Ranks of all documents in each {doc_id: score}, best first, 0 where it has none: int [s, n]."""
    table = np.zeros((len(rankings), len(kb.documents)), dtype=int)
    for ranks, scores in zip(table, rankings, strict=True):
        places = {doc_id: rank for rank, doc_id in enumerate(scores, start=1)}
        ranks[:] = [places.get(document.doc_id, 0) for document in kb.documents]
    return table


dev_lexical = lexical.run(dev.queries, k=56)
tables_of_ranks = {q: rank_table([dev_lexical[q], dev_first[q]]) for q in dev_first}

# %% [markdown]
# `ragkit.FusionRetriever` does the same for whole retrievers. The two should agree on every question:

# %%
from ragkit.search.fusion import reciprocal_rank_fusion


def library_rrf(ranks, k):
    rankings = [{d: -rank for d, rank in enumerate(row) if rank} for row in ranks.tolist()]
    fused = reciprocal_rank_fusion(rankings, k)
    return [fused.get(d, 0.0) for d in range(ranks.shape[1])]


fuse = check.rrf.choose(rrf, library_rrf)
ids = [document.doc_id for document in kb.documents]
my_fused = {
    q: dict(zip(ids, map(float, fuse(table, 60)), strict=True))
    for q, table in tables_of_ranks.items()
}
dev_fused = ragkit.FusionRetriever(lexical, dense).run(dev.queries, k=56)
for whose, run in {"from the exercise": my_fused, "FusionRetriever": dev_fused}.items():
    print(f"{whose:<18} mrr@10 {ragkit.evaluate(dev.qrels, run, 'mrr@10').mean['mrr@10']:.3f}")

# %% [markdown]
# The other way to combine is the one of section 4: bring
# both scores to the range from 0 to 1 and mix them with a weight. That is a **convex combination** (Bruch,
# Gai & Ingber 2023). It has one setting, and a few judged questions are enough to choose it. On dev:

# %%
contestants = {"MiniLM": dev_first, "BM25": dev_lexical, "fused by ranks": dev_fused}
for weight in (0.1, 0.2, 0.3, 0.5):
    run = convex_combination([dev_lexical, dev_first], [weight, 1 - weight])
    contestants[f"{weight} BM25, {1 - weight:.1f} MiniLM"] = run
for name, run in contestants.items():
    print(f"{name:<21} mrr@10 {ragkit.evaluate(dev.qrels, run, 'mrr@10').mean['mrr@10']:.3f}")

# %% [markdown]
# The whole curve, with rank fusion as a second line:

# %%
curve = {"BM25 and MiniLM": [on_dev(f"lexical-{w}") for w in weights]}
lines = alone | {"fusion by ranks": on_dev("rrf")}
plots.show(
    plots.weight_curves(weights, {"BM25": curve}, {"BM25": lines}, "mrr@10"),
    alt="mrr@10 on dev by the weight of BM25. The curve is above MiniLM alone at weights of 0.1 and 0.2 and "
    "falls steadily after that; at 0.5 it is near the line of fusion by ranks, well below MiniLM.",
)

# %% [markdown]
# *In words.* Rank fusion reaches <!--r:lab03.dev.rrf.mrr@10-->0.65<!--/r-->, less than MiniLM
# alone, <!--r:lab03.dev.minilm.mrr@10-->0.71<!--/r-->. Is it the ranks, or the equal weights? At equal weights the
# *scores* lose too: <!--r:lab03.dev.lexical-0.5.mrr@10-->0.67<!--/r-->. With a weight of 0.2 for BM25 they
# gain: <!--r:lab03.dev.lexical-0.2.mrr@10-->0.73<!--/r-->. So what pulls the better system down is giving the
# weaker one as much say. Dev chooses <!--r:lab03.chosen.lexical-->0.2<!--/r-->, and we take it to test.

# %%
hybrid = {
    "combined": convex_combination([lexical.run(kb.queries, k=56), before], [0.2, 0.8]),
    "fused by ranks": ragkit.FusionRetriever(lexical, dense).run(kb.queries, k=56),
}
reports |= {name: ragkit.evaluate(kb.qrels, run, metrics) for name, run in hybrid.items()}

# %% [markdown]
# All four comparisons of the plan. With four of them, one is likelier to fall below 0.05 by chance than
# with one. **Holm's** correction puts that right: the smallest p-value is multiplied by four, the next by
# three, and so on (and none may be smaller than the one before it).

# %%
from ragkit.scoring.stats import holm

plan = [
    ("reordered", "MiniLM"),
    ("mixed", "MiniLM"),
    ("combined", "MiniLM"),
    ("combined", "fused by ranks"),
]
compared = {f"{a} − {b}": ragkit.compare(reports[a], reports[b], "mrr@10") for a, b in plan}
adjusted = holm({name: comparison.p_value for name, comparison in compared.items()})
for name, comparison in compared.items():
    print(f"{name:<25} p = {comparison.p_value:.3f}, adjusted {adjusted[name]:.3f}")
plots.show(
    plots.difference_dots(
        list(compared),
        [comparison.difference for comparison in compared.values()],
        [comparison.interval for comparison in compared.values()],
        "mrr@10",
    ),
    alt="Four differences of mrr@10 on test with 95% intervals around a line at 0. That of reordered minus "
    "MiniLM contains 0; the other three lie to the right of it, combined minus fused by ranks "
    "furthest.",
)

# %% [markdown]
# *In words* (points of mrr@10; the last column is what 80% power would have shown):
#
# | comparison | difference, 95% interval | p | after Holm | could have seen |
# |---|---|---|---|---|
# | reordered − MiniLM | <!--r:lab03.planned.reorder.mrr@10:points-->-0.8<!--/r--> [<!--r:lab03.planned.reorder.mrr@10:low:points-->-4.7<!--/r-->, <!--r:lab03.planned.reorder.mrr@10:high:points-->3.2<!--/r-->] | <!--r:lab03.planned.reorder.mrr@10:p-->0.699<!--/r--> | <!--r:lab03.planned.reorder.holm-->0.699<!--/r--> | <!--r:lab03.planned.reorder.mrr@10:detectable:points-->5.5<!--/r--> |
# | mixed − MiniLM | <!--r:lab03.planned.mix.mrr@10:points-->2.9<!--/r--> [<!--r:lab03.planned.mix.mrr@10:low:points-->0.6<!--/r-->, <!--r:lab03.planned.mix.mrr@10:high:points-->5.2<!--/r-->] | <!--r:lab03.planned.mix.mrr@10:p-->0.016<!--/r--> | <!--r:lab03.planned.mix.holm-->0.047<!--/r--> | <!--r:lab03.planned.mix.mrr@10:detectable:points-->3.3<!--/r--> |
# | combined − MiniLM | <!--r:lab03.planned.fuse.mrr@10:points-->2.3<!--/r--> [<!--r:lab03.planned.fuse.mrr@10:low:points-->0.2<!--/r-->, <!--r:lab03.planned.fuse.mrr@10:high:points-->4.7<!--/r-->] | <!--r:lab03.planned.fuse.mrr@10:p-->0.040<!--/r--> | <!--r:lab03.planned.fuse.holm-->0.081<!--/r--> | <!--r:lab03.planned.fuse.mrr@10:detectable:points-->3.2<!--/r--> |
# | combined − fused by ranks | <!--r:lab03.planned.fuse-rrf.mrr@10:points-->4.1<!--/r--> [<!--r:lab03.planned.fuse-rrf.mrr@10:low:points-->1.6<!--/r-->, <!--r:lab03.planned.fuse-rrf.mrr@10:high:points-->6.8<!--/r-->] | <!--r:lab03.planned.fuse-rrf.mrr@10:p-->0.002<!--/r--> | <!--r:lab03.planned.fuse-rrf.holm-->0.010<!--/r--> | <!--r:lab03.planned.fuse-rrf.mrr@10:detectable:points-->3.7<!--/r--> |
#
# Combining scores with a chosen weight beats fusing by ranks; that is also the main result of the paper.
# The gains over MiniLM, of the mixture and of the hybrid, are near the edge once all four are counted: read
# them as "probably, and not by much". Plain reordering shows nothing. And no claim is made about
# comparisons that were not in the plan.

# %% [markdown]
# Five systems side by side, for a question of your own: run the cell and type one. *Predict first* what the
# cross-encoder makes of a question in Spanish, and of three words without a verb. A question of dev, offered
# while you type, has its answers marked.

# %%
ask(dev)

# %% [markdown]
# ## 6 · Late interaction
#
# Between one vector per text and a full joint reading lies a third way. **ColBERT** (Khattab & Zaharia
# 2020) keeps *one vector per token*, stored beforehand like a bi-encoder's, and lets question and text
# meet late: each question token looks for its most similar document token, and these maxima are summed:
#
# $$\text{MaxSim}(q, d) = \sum_{i} \max_{j} \cos(q_i, d_j)$$
#
# > 🇪🇸 **Resumen.** Interacción tardía (ColBERT): un vector por token; cada token de la pregunta busca el más
# > parecido del documento y se suman los máximos (MaxSim). Lo mostramos con los vectores de MiniLM, que
# > no se entrenaron para esto, y con una red que sí se entrenó como parte de un ColBERT, pero sin su
# > última capa: ninguna de las dos es un ColBERT.
#
# ### Exercise 3.3 · MaxSim
# *Difficulty ●●○ · 10 minutes*
#
# `query` holds one vector per question token, shape `[m, dim]`; `document` one per document token,
# `[t, dim]`. The vectors have any length but 0, and `m` and `t` are at least 1. Return MaxSim as one number.
#
# <details><summary>Hint 1: a nudge</summary>
#
# The formula asks for cosines, and a dot product is one only for vectors of length 1. Exercise 1.2 did that for
# the rows of an array.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Normalise both arrays by rows. One matrix product of the shape `[m, t]` then has the cosine of every pair. In
# the formula, the maximum runs over $j$, the document's tokens, and the sum over $i$: which axis is which?
#
# </details>


# %%
def max_sim(query, document):
    """Sum over the query's tokens of the largest cosine: float [m, dim], [t, dim] -> a number."""
    # BEGIN SOLUTION
    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    document = document / np.linalg.norm(document, axis=1, keepdims=True)
    return (query @ document.T).max(axis=1).sum()
    # END SOLUTION


# %%
check.max_sim(max_sim)

# %% [markdown]
# MiniLM's mean is taken over token vectors, so we can have them. **This is an illustration, not
# ColBERT:** these vectors were trained to be averaged, never to be matched one by one. The first and
# last token, `[CLS]` and `[SEP]`, are not words and are left out.
#
# The vectors of a question of your own (change `late_question`), and those of every document:

# %%
late_question = "Did he lie down or lay down?"
late_texts = [late_question, *(document.full_text for document in kb.documents)]
asked_rows, *read_rows = (rows[1:-1] for rows in minilm.token_vectors(late_texts))

# %% [markdown]
# Your function ranks the documents for it, or the library's until yours is right. On the right, what
# `ragkit.MaxSimRetriever` finds; documents and scores should be the same:

# %%
from scipy.spatial.distance import cdist


def library_max_sim(query, document):
    return len(query) - cdist(query, document, "cosine").min(axis=1).sum()


late_score = check.max_sim.choose(max_sim, library_max_sim)
sums = [float(late_score(asked_rows, rows)) for rows in read_rows]
peers = ragkit.MaxSimRetriever(minilm).fit(kb.documents).search(late_question, k=3)
for row, hit in zip(np.argsort(np.negative(sums)), peers, strict=False):
    print(f"{sums[row]:.3f} {kb.documents[row].doc_id:<22} {hit.score:.3f} {hit.doc_id}")

# %% [markdown]
# From here on we keep the token vectors with length 1:


# %%
def token_vectors(texts):
    """Unit token vectors of each text: a list of float [t, 384]."""
    rows = [vectors[1:-1] for vectors in minilm.token_vectors(texts)]
    return [r / np.linalg.norm(r, axis=1, keepdims=True) for r in rows]


document_tokens = token_vectors([document.full_text for document in kb.documents])
query_tokens = token_vectors([query.text for query in kb.queries])

# %% [markdown]
# What MaxSim sees for one question and the start of its answer. The frame marks the token that each
# question token chose. (`##` marks a piece that continues a word: *participle* is read as *part*,
# *##ici*, *##ple*.)

# %%
question = "past participle of eat?"
answer = kb.by_id["irregular-eat-participle"].full_text
rows, columns = token_vectors([question, answer])
pieces = [[piece for piece, _ in minilm.tokens(text)] for text in (question, answer)]
plots.show(
    plots.token_heatmap((rows @ columns.T)[:, :20], pieces[0], pieces[1][:20]),
    alt="Cosines between the tokens of the question and the first tokens of its answer. Cells where "
    "the same word occurs in both are bright, and each question token's framed choice is mostly "
    "such a cell.",
)

# %% [markdown]
# *In words.* Each word of the question finds itself in the title or the text, *eat* in *eat*, *past* in
# *past*; the question mark settles for a full stop. Most other cells are above 0 too: MiniLM's token vectors all
# lean towards the meaning of their sentence.
#
# Now rank all 56 documents by MaxSim, for every dev question. Beside MiniLM's tokens we try those of a
# **ColBERT-trained backbone**: the network of answerai-colbert-small-v1 before its last layer, which projects
# the vectors and which we do not have. It is not a ColBERT either.

# %%
late = {
    "MiniLM's tokens": ragkit.MaxSimRetriever(minilm),
    "ColBERT-trained backbone": ragkit.MaxSimRetriever(ragkit.ColBERTBackbone()),
}
names = ["hit_rate@1", "hit_rate@5", "mrr@10"]
mean_of_tokens = ragkit.evaluate(dev.qrels, dev_first, names)
print(f"{'MiniLM, mean of tokens':<25}", *(f"{m} {mean_of_tokens.mean[m]:.3f}  " for m in names))
for name, retriever in late.items():
    run = retriever.fit(kb.documents).run(dev.queries, k=56)
    report = ragkit.evaluate(dev.qrels, run, names)
    print(f"{name:<25}", *(f"{m} {report.mean[m]:.3f}  " for m in names))

# %% [markdown]
# Against MiniLM with its mean, mrr@10 changes by <!--r:lab03.dev.maxsim.mrr@10:points-->0.7<!--/r--> points
# [<!--r:lab03.dev.maxsim.mrr@10:low:points-->-2.9<!--/r-->, <!--r:lab03.dev.maxsim.mrr@10:high:points-->4.3<!--/r-->] with MiniLM's tokens and
# by <!--r:lab03.dev.maxsim-colbert.mrr@10:points-->-3.3<!--/r-->
# [<!--r:lab03.dev.maxsim-colbert.mrr@10:low:points-->-8.5<!--/r-->, <!--r:lab03.dev.maxsim-colbert.mrr@10:high:points-->2.0<!--/r-->] with the backbone's. Neither
# difference is shown, and 115 questions would have seen one
# of <!--r:lab03.dev.maxsim-colbert.mrr@10:detectable:points-->8<!--/r--> points. So nothing follows for ColBERT, whose
# evidence is in its papers. What does follow is the price, memory:

# %% tags=["nbval-check-output"]
one_each = len(kb.documents) * 384 * 4
per_token = sum(len(rows) for rows in document_tokens) * 384 * 4
print(f"one vector a document: {one_each:>9,} bytes")
print(f"one vector a token:    {per_token:>9,} bytes, {per_token / one_each:.0f} times as many")

# %% [markdown]
# As many times as a document has tokens, on average. ColBERT cuts its vectors to 128 dimensions for
# this reason, and its successors compress them further.

# %% [markdown]
# ## 7 · Four metrics on one ranking
#
# **hit_rate@k** asks: is *any* right document among the first k? **recall@k**: what share of them is?
# **MRR**: how high is the first? **nDCG**: how high are they all, and the more relevant the higher?
#
# > 🇪🇸 **Resumen.** Cuatro métricas sobre la misma lista: tasa de aciertos (¿hay alguno?), exhaustividad
# > (¿qué proporción?), MRR (¿en qué puesto el primero?) y nDCG (¿en qué puesto todos, según su grado?).
# > Pueden discrepar sobre qué sistema es mejor; y los empates pueden decidir el resultado.
#
# ### Exercise 3.4 · MRR
# *Difficulty ●○○ · 5 minutes*
#
# `relevance[q, i]` is the relevance of the document at place `i` of query `q`'s ranking (place 0 is
# rank 1): 0, 1, or a higher grade. Relevant means above 0. The **reciprocal rank** is 1 / rank of the first
# relevant document among the first `k`, and 0 if there is none; `k` may be larger than the number of places.
# Return the mean over all queries, those without a hit included.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Turn the grades into a table of hits, true or false, before you look for the first one. And mind the rows in
# which there is none.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# For each row of a table of `True` and `False`, `argmax` gives the place of the first `True`; places start
# at 0, ranks at 1. For a row without any `True` it gives 0 as well, which would look like a hit at rank 1;
# `any` tells such rows apart.
#
# </details>


# %%
def mrr_at_k(relevance, k):
    """Mean reciprocal rank over the queries: int [queries, places], int -> float in [0, 1]."""
    # BEGIN SOLUTION
    found = relevance[:, :k] > 0
    reciprocal = 1 / (1 + found.argmax(axis=1))
    return (reciprocal * found.any(axis=1)).mean()
    # END SOLUTION


# %%
check.mrr_at_k(mrr_at_k)

# %% [markdown]
# Your MRR of MiniLM on dev, from the relevance of the first ten documents of each question, beside the
# number of section 4:

# %%
from ragkit.scoring import metrics as library


def library_mrr(relevance, k):
    return np.mean([library.mrr(range(len(row)), dict(enumerate(row)), k) for row in relevance])


reciprocal_rank = check.mrr_at_k.choose(mrr_at_k, library_mrr)
places = np.array([[dev.qrels[q].get(i, 0) for i in list(dev_first[q])[:10]] for q in dev.qrels])
known = ragkit.evaluate(dev.qrels, dev_first, "mrr@10").mean["mrr@10"]
print(f"from the exercise {float(reciprocal_rank(places, 10)):.4f}, ragkit.evaluate {known:.4f}")

# %% [markdown]
# ### Exercise 3.5 · nDCG
# *Difficulty ●●● · 15 minutes*
#
# For one query, as trec_eval computes it, the program with which the TREC evaluations have been scored
# since the 1990s. It counts a document's relevance as it is ("linear gain"); others use
# $2^{\text{rel}} - 1$, so that a highly relevant document weighs more. The idea is Järvelin &
# Kekäläinen's (2002).
#
# $$\text{DCG@}k = \sum_{r=1}^{k} \frac{\text{rel}_r}{\log_2(1 + r)} \qquad
# \text{nDCG@}k = \frac{\text{DCG@}k}{\text{DCG@}k\ \text{of the ideal order}}$$
#
# `relevance` is in ranked order; `judged` holds the relevance of *all* documents that were judged for
# the query, found or not, in any order. The ideal order sorts these from high to low and is cut at `k`
# too. Either may have fewer than `k` places; then there is no more to sum. If nothing is relevant, return 0.
#
# <details><summary>Hint 1: a nudge</summary>
#
# DCG is needed twice, of two lists: write it once, as a helper that takes the gains. Try it by hand on `[1]`, for
# which it must give 1.
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# In the helper, `np.arange` gives the ranks of as many places as there are gains, and one division and one sum do
# the rest. Cut the ranking *before* you hand it over. For the ideal, mind the order of the two steps, sorting
# and cutting: the best documents may stand at the end of `judged`. And look before you divide.
#
# </details>


# %%
def ndcg_at_k(relevance, judged, k):
    """nDCG of one query: int [n] in ranked order, int [m] in any order, int -> float in [0, 1]."""

    # BEGIN SOLUTION
    def dcg(gains):
        return (gains / np.log2(np.arange(2, len(gains) + 2))).sum()

    ideal = dcg(np.sort(judged)[::-1][:k])
    return dcg(relevance[:k]) / ideal if ideal else 0.0
    # END SOLUTION


# %%
check.ndcg_at_k(ndcg_at_k)

# %% [markdown]
# Your nDCG scores a whole run, the mixture of section 4 on dev, question by question:

# %%
from collections import Counter


def library_ndcg(relevance, judged, k):
    found = dict(enumerate(relevance.tolist()))
    missed = (Counter(judged.tolist()) - Counter(found.values())).elements()
    return library.ndcg(range(len(found)), found | dict(enumerate(missed, start=len(found))), k)


gain_at = check.ndcg_at_k.choose(ndcg_at_k, library_ndcg)
mixture = mixed(dev_first, dev_logits, 0.4)
gains = []
for q, judgements in dev.qrels.items():
    row = np.array([judgements.get(i, 0) for i in mixture[q]])
    gains.append(float(gain_at(row, np.array(list(judgements.values())), 10)))
known = ragkit.evaluate(dev.qrels, mixture, "ndcg@10").mean["ndcg@10"]
print(f"from the exercise {np.mean(gains):.4f}, ragkit.evaluate {known:.4f}")

# %% [markdown]
# With a single right document, every metric is a function of its rank:

# %%
ranks = np.arange(1, 11)
worth = {
    "hit_rate@5, recall@5": (ranks <= 5).astype(float),
    "mrr@10": 1 / ranks,
    "ndcg@10": 1 / np.log2(1 + ranks),
}
plots.show(
    plots.discount_curves(worth),
    alt="What the only right document is worth by its rank, as steps. Hit-rate@5 is 1 up to rank 5 "
    "and 0 from rank 6 on; mrr@10 falls to a half at rank 2; ndcg@10 falls more gently.",
)

# %% [markdown]
# *In words.* The hit rate is a cliff: rank 5 is as good as rank 1, rank 6 as bad as never. MRR falls from 1
# to a half at rank 2 and cares little after that. nDCG falls more gently. So MRR cares about the first
# place, and nDCG keeps an eye on the rest.
#
# With several right documents they can disagree about who is better. Two rankings for one question
# with three right documents, `a`, `b` and `c`:

# %% tags=["nbval-check-output"]
judged = {"q": {"a": 1, "b": 1, "c": 1}}
two = {"first": ["a", "x", "y", "z", "w"], "second": ["x", "a", "b", "c", "w"]}
names = ["hit_rate@5", "recall@5", "mrr@5", "ndcg@5"]
print(" " * 8, *(f"{name:>10}" for name in names))
for name, ranking in two.items():
    run = {"q": {doc_id: -float(place) for place, doc_id in enumerate(ranking)}}
    report = ragkit.evaluate(judged, run, names)
    print(f"{name:<8}", *(f"{report.mean[m]:>10.3f}" for m in names))

# %% [markdown]
# The hit rate sees no difference, MRR prefers the first, recall and nDCG the second. None is wrong. If one
# answer is enough, as it mostly is here, believe MRR; if the reader needs them all, recall and nDCG.
#
# On a base like ours, with one right document for most questions, the four are functions of one rank and
# seldom disagree. The systems of this lab, on test:

# %%
print(" " * 15, *(f"{m:>11}" for m in metrics))
for name, report in reports.items():
    print(f"{name:<15}", *(f"{report.mean[m]:>11.3f}" for m in metrics))

# %% [markdown]
# ### An interval, draw by draw
#
# Where do the intervals of mrr@10 come from? The **bootstrap** draws as many questions as there are, with
# replacement, and takes their mean, again and again; the interval is the middle 95% of these means. Here it is
# done for the difference between the mixture and MiniLM on dev (which chose the weight, so look at the drawing
# and not at the gain). *Predict first*: what will change from 20 draws to 2000, and what will another seed
# change at either end? Run the cell, and move both sliders.

# %%
on_mixed = ragkit.evaluate(dev.qrels, mixed(dev_first, dev_logits, 0.4), "mrr@10")
on_first = ragkit.evaluate(dev.qrels, dev_first, "mrr@10")
differences_on_dev = on_mixed.values("mrr@10") - on_first.values("mrr@10")
seeing.bootstrap(differences_on_dev, "difference of mrr@10, mixed − MiniLM")

# %% [markdown]
# ### Intervals can fail too
#
# The [**bootstrap**](../theory/glossary.md#bootstrap) draws questions again, with replacement, and takes the middle 95% of the means (page
# 03). Near 0 and 1 it fails. Take a system that finds the answer for 95% of all questions, and ask it 24. How
# often does the "95%" interval of such a sample contain the true 0.95? All 25 possible outcomes can be
# gone through:

# %%
from scipy.stats import binom

from ragkit.scoring.proportions import wilson_interval
from ragkit.scoring.stats import bootstrap_interval

share, n = 0.95, 24
methods = {
    "bootstrap": lambda hits: bootstrap_interval(np.repeat([1.0, 0.0], [hits, n - hits])),
    "Wilson": lambda hits: wilson_interval(hits, n),
}
for name, interval in methods.items():
    bounds = [interval(hits) for hits in range(n + 1)]
    covered = sum(
        binom.pmf(h, n, share) for h, (low, high) in enumerate(bounds) if low <= share <= high
    )
    print(f"{name:<10} contains it in {covered:.0%} of samples; 24 of 24 hits give {bounds[-1]}")

# %% [markdown]
# The bootstrap's interval contains the truth in <!--r:lab03.coverage.bootstrap:points-->71<!--/r-->% of samples,
# not 95%: for the <!--r:lab03.coverage.no-width:points-->29<!--/r-->% of samples without a miss it has no width at
# all. **Wilson's** interval, a formula for shares, contains it
# in <!--r:lab03.coverage.wilson:points-->97<!--/r-->%. So `ragkit` uses Wilson's for hit rates, and for the
# difference of two hit rates its paired relative with McNemar's exact test. An interval without width is no
# certainty; it is a method that has failed.

# %% [markdown]
# ### Ties
#
# Two documents with the same score: which comes first? `ragkit` takes the smaller id, trec_eval the
# larger, others whatever was inserted first. Even Lucene, the library inside many search engines, gave the
# very same system other scores from indexing to indexing by ties alone (Lin & Yang 2019). We round MiniLM's
# cosines, as a careless export might, and so make ties.
#
# Then we add a **nudge** to every right document: far too small to pass a document with another score, and
# yet enough to win each tie. With a negative nudge it loses each tie.


# %%
def nudged(decimals, nudge):
    """hit_rate@1 on dev of cosines rounded to so many decimals, right documents nudged."""
    run = {
        q: {i: round(s, decimals) + (nudge if i in dev.qrels[q] else 0) for i, s in row.items()}
        for q, row in dev_first.items()
    }
    return ragkit.evaluate(dev.qrels, run, "hit_rate@1").mean["hit_rate@1"]


# %% [markdown]
# The unrounded hit_rate@1 is the one you know; then two decimals, then one:

# %% tags=["nbval-check-output"]
print(f"decimals kept: all {mean_of_tokens.mean['hit_rate@1']:.3f}")
for decimals in (2, 1):
    lost, won = nudged(decimals, -1e-6), nudged(decimals, 1e-6)
    print(f"decimals kept: {decimals}   {lost:.3f} (all ties lost) to {won:.3f} (all ties won)")

# %% [markdown]
# With one decimal the score is anything from <!--r:lab03.dev.ties.1.unlucky-->0.43<!--/r-->
# to <!--r:lab03.dev.ties.1.lucky-->0.72<!--/r-->: a far larger spread than between any two systems above. Keep
# the decimals, and say how ties are broken.

# %% [markdown]
# ## 8 · The cross-encoder as teacher
#
# A slow model that ranks well can teach a fast one (**distillation**): it scores millions of pairs once,
# and a bi-encoder, the student, learns to reproduce its scores, or better its **margins** (score of the
# right document minus score of a wrong one; margin-MSE, Hofstätter et al. 2020). MiniLM was *not* made this
# way; it was trained contrastively on over a billion pairs. Would this teacher have something to teach it
# here?
#
# > 🇪🇸 **Resumen.** El modelo lento puede enseñar al rápido (destilación). Medimos, con *dev*, cuánto
# > coinciden los dos en el orden de los candidatos (τ de Kendall) y, por pares de documento correcto e
# > incorrecto, quién acierta: el maestro estropearía más pares de los que corregiría, pero el intervalo,
# > calculado por preguntas, contiene el 0.
#
# First: how similar are the two orders of the same ten candidates?
#
# ### Exercise 3.6 · Kendall's τ
# *Difficulty ●●○ · 10 minutes*
#
# `a` and `b` are two scorers' scores of the same $n$ documents, $n \geq 2$, without ties. Over all pairs of
# different documents: the share that both scorers put in the *same* order, minus the share that they put in
# *opposite* order. +1 for equal orders, −1 for reversed ones, near 0 for unrelated ones. Return one number.
#
# <details><summary>Hint 1: a nudge</summary>
#
# For one pair, who is ahead is the sign of a difference. When do two signs, multiplied, give +1, and when −1?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Two loops over pairs will do. Without loops: subtract `a` as a row from `a` as a column (`a[:, None]`), which
# gives the differences of all pairs as a table `[n, n]`; take its signs, and the same for `b`. In that table
# every pair stands twice, and every document is paired with itself: by what must the sum be divided?
#
# </details>


# %%
def kendall(a, b):
    """Kendall's tau of two score arrays without ties: float [n], float [n] -> float in [-1, 1]."""
    # BEGIN SOLUTION
    order = np.sign(a[:, None] - a) * np.sign(b[:, None] - b)  # [n, n]
    return order.sum() / (len(a) * (len(a) - 1))
    # END SOLUTION


# %%
check.kendall(kendall)

# %% [markdown]
# Student (cosine) and teacher (logit) on the first ten candidates of each dev question, by your function where
# it is right, and by scipy's:

# %%
from scipy.stats import kendalltau


def library_kendall(a, b):
    return kendalltau(a, b).statistic


tau = check.kendall.choose(kendall, library_kendall)
taus = []
for query_id, row in dev_logits.items():
    student = np.array([dev_first[query_id][doc_id] for doc_id in row])
    teacher = np.array(list(row.values()))
    taus.append((float(tau(student, teacher)), library_kendall(student, teacher)))
mine, scipys = np.mean(taus, axis=0)
print(f"mean Kendall: from the exercise {mine:.2f}, scipy {scipys:.2f}")

# %% [markdown]
# Positive, but far from 1: they often disagree. Who is right then? For every pair of a right and a wrong
# candidate, take both margins:

# %%
margins = []
for query_id, row in dev_logits.items():
    right = [i for i in row if i in dev.qrels[query_id]]
    for one in right:
        for other in sorted(set(row) - set(right)):
            s = dev_first[query_id][one] - dev_first[query_id][other]
            margins.append((s, row[one] - row[other], query_id, one, other))
s, t = (np.array([m[i] for m in margins]) for i in (0, 1))
plots.show(
    plots.margin_scatter(s, t),
    alt="Margins of pairs of a right and a wrong document, the student's across and the teacher's "
    "up. Most pairs lie top right, where both are right; a few are top left and somewhat more "
    "bottom right, where only the teacher or only the student is.",
)

# %% [markdown]
# *In words.* Of <!--r:lab03.teacher.pairs.both:n-->955<!--/r--> pairs, the teacher
# corrects <!--r:lab03.teacher.pairs.teacher-->44<!--/r--> that the student gets wrong, top left; it would
# spoil <!--r:lab03.teacher.pairs.student-->77<!--/r--> that the student gets right, bottom right. How sure is that
# difference? The pairs of one question go together, so we resample *questions*:

# %%
gain = (t > 0).astype(int) - (s > 0)  # +1: only the teacher is right, -1: only the student
asked = np.array([m[2] for m in margins])
by_question = np.array([gain[asked == q].sum() for q in sorted(set(asked))], dtype=float)
n = len(by_question)
low, high = (n * bound for bound in bootstrap_interval(by_question))
print(f"{by_question.sum():.0f} pairs [{low:.0f}, {high:.0f}], from {n} questions")

# %% [markdown]
# The interval, [<!--r:lab03.teacher.balance:low-->-74<!--/r-->, <!--r:lab03.teacher.balance:high-->5<!--/r-->], contains 0. The
# pairs that the student gets wrong on which the teacher's margin is largest:

# %%
corrected = sorted((m for m in margins if m[0] < 0 < m[1]), key=lambda m: -m[1])
texts = {query.query_id: query.text for query in dev.queries}
best = {m[2]: m for m in reversed(corrected)}  # one a question, the largest margin
for m in sorted(best.values(), key=lambda m: -m[1])[:5]:
    print(f"{texts[m[2]]}\n    right {m[3]}, student prefers {m[4]}, teacher's margin {m[1]:.1f}")

# %% [markdown]
# Such pairs are what distillation is made of. Does the count show that this teacher would harm? No: its
# interval contains 0, and the candidates were picked by the student. Nor does it show that this teacher
# would help. Only training with it tells.

# %% [markdown]
# ## 9 · Drills
#
# Put each answer in its variable. Numbers and choices are checked at once, part by part; reasons and text
# are kept for a person to read (20 words or more).
#
# > 🇪🇸 **Resumen.** Cinco cuestiones. Los números y las elecciones se comprueban al momento, parte por parte;
# > los razonamientos los lee una persona. Puedes responder en español, también con las opciones (`"sí"` o `"no"`) y las
# > unidades (`"20 pasadas"`).
#
# **Drill 1.** A first stage hands 800 candidates to a cross-encoder that takes 9 ms per pair. For one
# new question: how many forward passes does the cross-encoder make, how many would a bi-encoder make
# whose documents are stored, and how many seconds does the cross-encoder take, to one decimal? Answer
# `(cross, bi, seconds)`.

# %%
# BEGIN SOLUTION: drill_03_1 = None
drill_03_1 = (800, 1, 800 * 0.009)
# END SOLUTION
drills.check("03_1", drill_03_1)

# %% [markdown]
# **Drill 2.** By hand. Three questions: the first right document is at rank 2, at rank 5, and
# nowhere among the first ten. What is mrr@10? Then one question with two right documents, found at ranks 1 and
# 4: what is its ndcg@10? Answer `(mrr, ndcg)`, to three decimals.

# %%
# BEGIN SOLUTION: drill_03_2 = None
drill_03_2 = (
    (1 / 2 + 1 / 5 + 0) / 3,
    (1 / np.log2(2) + 1 / np.log2(5)) / (1 / np.log2(2) + 1 / np.log2(3)),
)
# END SOLUTION
drills.check("03_2", drill_03_2)

# %% [markdown]
# **Drill 3.** Every question has one right document. A first stage has a recall@10 of 78% and a
# recall@50 of 93%. What is the highest hit_rate@1 that a reranker of depth 10 can reach, to two
# decimals? If its depth is raised to 50, must its hit_rate@1 rise, `"yes"` or `"no"`? And why?
# Answer `(ceiling, must_rise, reason)`.

# %%
# BEGIN SOLUTION: drill_03_3 = None
drill_03_3 = (
    0.78,
    "no",
    """Only a document among the ten can come first, so 0.78 is the most. At depth 50 the ceiling is
    0.93, but each of the forty further candidates is also a chance for the reranker to be misled:
    where it scores a wrong newcomer above the right document, a hit is lost.""",
)
# END SOLUTION
drills.check("03_3", drill_03_3)

# %% [markdown]
# **Drill 4.** On 150 questions a reranker changes hit_rate@1 by +3 points, 95% interval −5 to +11,
# p = 0.46. Which statement is right? (a) Reranking has no effect. (b) Reranking helps by 3 points.
# (c) The data are compatible with a small loss as well as with a sizeable gain. (d) The probability that
# reranking has no effect is 46%. And about how many questions would bring the half-width of the interval
# from 8 points down to 3? Answer `(letter, questions, reason)`.

# %%
# BEGIN SOLUTION: drill_03_4 = None
drill_03_4 = (
    "c",
    1067,
    """The interval contains every effect that the data do not rule out: a loss of five points, none,
    a gain of eleven. That 0 is among them shows neither help nor its absence. The width shrinks with
    the square root of the number of questions, so 3/8 of it takes 64/9 times as many.""",
)
# END SOLUTION
drills.check("03_4", drill_03_4)

# %% [markdown]
# **Drill 5.** Name two situations in which you would *not* put a cross-encoder behind a search, and say
# for each what you would measure before you decide.

# %%
# BEGIN SOLUTION: drill_03_5 = ""
drill_03_5 = """
First, when the first stage does not find the answers: if recall at the depth I can afford is low, the
reranker cannot help, so I measure recall@N and improve the first stage. Second, when texts or language
are far from what the cross-encoder was trained on: I compare before and after on judged questions of
my own, question by question and with an interval. Also when the time budget is a few milliseconds.
"""
# END SOLUTION
drills.check("03_5", drill_03_5)

# %% [markdown]
# ## What to take away
#
# - A cross-encoder reads question and text together. That it *can* see word order and roles does not
#   mean that it was trained to look.
# - It costs one forward pass per candidate, at question time. So: two stages, and hit_rate@N of the first
#   is the ceiling of the second.
# - On this base, reordering by the cross-encoder alone shows neither gain nor loss; this test could have
#   seen some 6 points of mrr@10. Mixing its score with the first stage's is better, by about 3 points, just
#   past the edge of what 232 questions can show. Do not throw a witness away.
# - Equal weights pull the better system down, by ranks as by scores. A weight chosen on a hundred judged
#   questions costs little and beats fusion by ranks.
# - Late interaction pays for token-level matching with memory.
# - Say which metric, which cut-off, how ties are broken, how sure you are, and what you could have seen.
#   Explore and choose on dev; name what you will look at on test before you look, and correct for how many
#   it is.
#
# **Next:** theory page 03 goes deeper.

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
