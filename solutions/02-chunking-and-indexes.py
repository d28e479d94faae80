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
# # Lab 02 · Chunking and indexes
#
# **Goal.** Cut a long text so that every answer survives in one piece, search the pieces exactly,
# then give up a little exactness for a lot of speed, and know at each step what it costs.
#
# **Time.** About 185 minutes: 95 of reading and running, 55 for five exercises, 35 for five drills.
# Half-way, after section 4, is a good place to stop.
#
# **You need** lab 01: unit vectors, cosine, hit_rate@k, and why we choose on dev and report on test.
# Everything runs on a laptop, without a network. Words are explained in the
# [glossary](../theory/glossary.md), and all formulas are on the [cheat sheet](../theory/cheat-sheet.md).
#
# > 🇪🇸 **Resumen.** Partiremos un texto largo en fragmentos (*chunks*) sin romper las respuestas,
# > buscaremos en ellos de forma exacta y después cambiaremos un poco de exactitud por mucha
# > velocidad, midiendo en cada paso lo que cuesta. Unos 185 minutos, sin conexión a la red; tras la
# > sección 4 hay un buen lugar para hacer una pausa.

# %%
# %matplotlib inline
import tempfile
import time
import tracemalloc
import warnings
from importlib.metadata import version

import numpy as np

import ragkit
from ragkit.course import check, drills, ledger, plots, synthetic, tables
from ragkit.documents.chunking import to_documents
from ragkit.runtime import import_faiss
from ragkit.scoring.stats import holm

for package in ("sentence-transformers", "faiss-cpu", "numpy"):
    print(package, version(package))

# %% [markdown]
# The long text is a handbook of English verbs. Its questions come with [**gold spans**](../theory/glossary.md#span): the
# characters, from `start` to `end`, of the passage that answers. A span belongs to the text and not
# to any chunk, so the same labels can judge every way of cutting.

# %% tags=["nbval-check-output"]
dev, test = ragkit.load_handbook(split="dev"), ragkit.load_handbook(split="test")
text = dev.text
question = dev.questions[3]
print(
    f"{len(text.split()):,} words, {len(dev.questions)} dev and {len(test.questions)} test questions"
)
print(question.text)
print("→", [text[span.start : span.end] for span in question.spans])

# %% [markdown]
# ## 1 · Why cut a text at all
#
# An encoder reads **tokens**, and only so many. MiniLM's own tokenizer says where each token of the
# handbook begins and ends:
#
# > 🇪🇸 **Resumen.** Un codificador solo lee un número limitado de *tokens*: MiniLM lee como máximo 256,
# > dos de ellos especiales, y descarta el resto. De un texto largo ignora casi todo, y un solo vector
# > para muchos temas no se parece a ninguno.

# %%
minilm = ragkit.MiniLMEncoder(backend="auto")


def tokens(text):
    """Character span of each MiniLM token."""
    return [span for _, span in minilm.tokens(text)]


# %% [markdown]
# Encode the whole handbook as if it were one document. `ragkit` warns, once for each encoder, so this
# cell makes one of its own. We catch the warning to read it, and silence later ones of its kind, since they are
# part of the lesson.

# %%
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    whole = ragkit.MiniLMEncoder(backend="auto").encode(text)
print(caught[-1].message)
warnings.simplefilter("ignore", ragkit.RagkitWarning)

# %% [markdown]
# The limit is 256 tokens, two of which are the special ones at the start and the end. So the vector of
# the whole handbook should be the vector of its first 254 tokens. Is it?

# %% tags=["nbval-check-output"]
reach = tokens(text)[253].end
start_only = minilm.encode(text[:reach])
print(f"cosine of the handbook and its first {reach:,} characters: {whole @ start_only:.4f}")
print(f"characters of the handbook: {len(text):,}")

# %% [markdown]
# All the rest might as well not exist. How many questions could be answered from what was read?

# %% tags=["nbval-check-output"]
questions = dev.questions + test.questions
seen = [q for q in questions if all(span.end <= reach for span in q.spans)]
print(f"{len(seen)} of {len(questions)} questions have their answer in the part that was read")

# %% [markdown]
# A model with a larger window would read on, but one vector would then stand for thirty subjects at
# once and be near to none. And whoever reads the result, a person or a language model, wants the
# passage and not the book. So we cut: small enough to be read and to have *one* subject, large
# enough to hold an answer.

# %% [markdown]
# ## 2 · Four ways to cut
#
# - **fixed**: windows of a fixed number of tokens, one after another;
# - **sliding**: the same windows, but each repeats the last tokens of the one before ([**overlap**](../theory/glossary.md#overlap));
# - **sentences**: whole sentences, packed together up to a number of tokens;
# - **headings**: one chunk per section, as the author divided the text.
#
# > 🇪🇸 **Resumen.** Cuatro maneras de partir: ventanas fijas, ventanas deslizantes con solapamiento
# > (*overlap*), frases enteras reunidas y secciones según los títulos. Con solapamiento, lo que una
# > ventana corta puede quedar entero en la siguiente, si el solapamiento es tan largo como la
# > respuesta.
#
# ### Exercise 2.1 · A sliding window
# *Difficulty ●●○ · 10 minutes*
#
# Return the windows as `[start, end)` token numbers: `size` tokens each, every window repeating the
# last `overlap` tokens of the one before. The last window may be shorter, no token may be lost, and
# no window may lie wholly inside the one before it. So a text that is no longer than a window, however
# short, is one window.
#
# <details><summary>Hint 1: a nudge</summary>
#
# On paper: 10 tokens, windows of 4, overlap 1. How far apart do two neighbours start? After which window is
# there nothing left to read?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Windows start `size - overlap` tokens apart, and no end lies beyond `count`. Walk: append a window, and stop as
# soon as one has reached `count`. Or work out the starts at once: one more is needed as long as more than
# `overlap` tokens are left, and the first always is.
#
# </details>


# %%
def sliding_window(count, size, overlap):
    """Windows over `count` tokens, count >= 1, 0 <= overlap < size: int [w, 2] of [start, end)."""
    # BEGIN SOLUTION
    starts = np.arange(0, max(1, count - overlap), size - overlap)
    return np.stack([starts, np.minimum(starts + size, count)], axis=1)
    # END SOLUTION


# %%
check.sliding_window(sliding_window)

# %% [markdown]
# **Your windows at work.** Laid over the handbook's tokens, they must give the chunks that `ragkit` cuts. After
# each exercise `choose` takes your function if it is right; until then it takes the library's.


# %%
def library_windows(count, size, overlap):
    """Where ragkit cuts a text of `count` words of one letter."""
    cut = ragkit.fixed_token_chunks(" ".join("x" * count), size, overlap)
    return [(chunk.start // 2, (chunk.end + 1) // 2) for chunk in cut]


windows = check.sliding_window.choose(sliding_window, library_windows)
spans = tokens(text)
ends = np.array(windows(len(spans), 128, 32), dtype=int)
mine = [text[spans[first].start : spans[last - 1].end] for first, last in ends]
theirs = [chunk.text for chunk in ragkit.fixed_token_chunks(text, 128, 32, tokens)]
print(f"{len(mine)} windows over the handbook, the same as ragkit's: {mine == theirs}")

# %% [markdown]
# **How much overlap?** An answer of $L$ tokens always lies whole in some window if $L - 1$ tokens are
# repeated ([page 02](../theory/02-chunking-and-indexes.md), section 2, has the drawing). So
# measure the answers, on dev, and leave 95% of them whole:

# %% tags=["nbval-check-output"]
answers = [len(tokens(text[span.start : span.end])) for q in dev.questions for span in q.spans]
overlap = int(np.ceil(np.quantile(answers, 0.95))) - 1
print(f"answers: {np.mean(answers):.0f} tokens on average; overlap: {overlap} tokens")

# %% [markdown]
# `ragkit.documents.chunking` has all four ways. We cut the handbook at four sizes. The largest is 250
# and not 254, because a window may begin in the middle of a word, which is then tokenised differently.
# MiniLM *reads* 256 tokens, but was *trained* on texts cut at 128 (its model card says so); section 4
# asks whether that matters. One more cut repeats a quarter of its window, a customary share that
# does not look at the answers.

# %%
sizes = (32, 64, 128, 250)
cuts = {"headings": ragkit.heading_chunks(text)}
for size in sizes:
    cuts[f"fixed {size}"] = ragkit.fixed_token_chunks(text, size, 0, tokens)
    cuts[f"sentences {size}"] = ragkit.sentence_chunks(text, size, tokens)
for size in sizes[1:]:
    cuts[f"sliding {size}"] = ragkit.fixed_token_chunks(text, size, overlap, tokens)
cuts["quarter 64"] = ragkit.fixed_token_chunks(text, 64, 16, tokens)
words = {name: np.mean([len(c.text.split()) for c in chunks]) for name, chunks in cuts.items()}

# %% [markdown]
# The result: number of chunks, average words per chunk, and tokens in the longest.

# %% tags=["nbval-check-output"]
for name, chunks in cuts.items():
    longest = max(len(tokens(chunk.text)) for chunk in chunks)
    print(
        f"{name:<14} {len(chunks):>4} chunks {words[name]:>6.0f} words, longest {longest:>4} tokens"
    )

# %% [markdown]
# Overlap is paid for in chunks: windows of 64 tokens that repeat most of an answer are twice as many.
# Headings follow the author, and the author did not count tokens: some sections are longer than the
# encoder reads. And some sentences are longer than 64 tokens, and each is a chunk by itself: the splitter
# does not see a full stop inside an example in italics, so what it takes for one sentence may be two.
#
# Now look at one passage, around the answer to this question:

# %% tags=["nbval-check-output"]
question = next(q for q in dev.questions if q.query_id == "h030")
gold = question.spans[0]
print(question.text)
print(repr(text[gold.start : gold.end]))

# %% [markdown]
# Each row is a strategy and each box a chunk; neighbours are drawn at two heights, so that overlaps can
# be seen. A filled (green) box holds the whole answer.

# %%
window = ragkit.Span(gold.start - 750, gold.end + 750)
shown = ("fixed 64", "sliding 64", "sentences 64", "headings")
plots.show(
    plots.chunk_map({name: [c.span for c in cuts[name]] for name in shown}, gold, window),
    alt="Four rows of boxes over a passage of the handbook, with the answer as a band. A border of "
    "the fixed windows cuts the answer, so none of their boxes is filled; each other row has a "
    "filled box that holds it whole.",
)

# %% [markdown]
# *In words.* The answer runs over a paragraph break. A border of the fixed windows falls inside it, so
# no box in their row is filled. The sliding windows have borders there too, but another window
# starts a little earlier and holds the answer whole. So do the sentences, by luck: both sentences of the
# answer went into the same pack. The section holds it, along with a good deal more.

# %% [markdown]
# Now cut for yourself. *Predict first*: how much overlap does this answer need in windows of 64 tokens, and
# how many more chunks will that make? Below the windows stands every dev answer by its length: on which
# side of the dotted line are those that are cut? Run the cell, and move both sliders.

# %%
from ragkit.course import seeing

seeing.windows(dev, tokens, gold)

# %% [markdown]
# ## 3 · Does a chunk hold the answer?
#
# If an answer is cut in two, no retriever can bring it back. So before anything is searched, ask how
# much of each answer the best chunk holds.
#
# > 🇪🇸 **Resumen.** Si un corte parte la respuesta, ningún recuperador la encuentra. Por eso calculamos
# > primero el techo (*ceiling*): la proporción de preguntas cuya respuesta cabe entera en algún
# > fragmento. No hace falta buscar nada para saberlo.
#
# ### Exercise 2.2 · Coverage of an answer
# *Difficulty ●●● · 15 minutes*
#
# For each gold span, return the largest share of its characters that lies in *one* chunk: 1 if some
# chunk holds it whole, 0.5 if the best chunk holds half, 0 if none touches it. Chunks may overlap, come in
# any order, and be shorter than a span.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Draw one span and one chunk on a line. Where does the part that they share begin, and where does it end? How
# do you notice that they do not touch?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Two spans share `min(ends) - max(starts)` characters, and none if that is negative. With
# `spans[:, None, 0]` and `chunks[None, :, 0]` NumPy compares every span with every chunk, `[m, n]`. Then take
# the best chunk of each span, and measure what it holds against the span.
#
# </details>


# %%
def answer_coverage(chunks, spans):
    """Best share of each span in one chunk: int [n, 2], int [m, 2] of [start, end) -> float [m]."""
    # BEGIN SOLUTION
    first = np.maximum(spans[:, None, 0], chunks[None, :, 0])  # [m, n]
    last = np.minimum(spans[:, None, 1], chunks[None, :, 1])
    shared = np.maximum(0, last - first)
    return shared.max(axis=1) / (spans[:, 1] - spans[:, 0])
    # END SOLUTION


# %%
check.answer_coverage(answer_coverage)

# %% [markdown]
# **Your coverage at work**, on the dev answers: what the best chunk holds of them on average, how many it holds
# whole, and whether the library, which can tell whole from cut, agrees on every one.


# %%
def library_coverage(chunks, spans):
    """The same from `Span.overlap`."""
    pieces = [ragkit.Span(*borders) for borders in chunks.tolist()]
    answers = [ragkit.Span(*borders) for borders in spans.tolist()]
    return [max(map(answer.overlap, pieces)) / answer.overlap(answer) for answer in answers]


coverage = check.answer_coverage.choose(answer_coverage, library_coverage)
gold_spans = [span for q in dev.questions for span in q.spans]
borders = np.array([(span.start, span.end) for span in gold_spans])
for name in shown:
    best = coverage(np.array([(c.start, c.end) for c in cuts[name]]), borders)
    best = np.array(best, dtype=float)
    holds = [any(c.holds(span) for c in cuts[name]) for span in gold_spans]
    agree = ((best > 0.9999) == holds).all()
    print(f"{name:<14} {best.mean():.2f} on average, {np.mean(holds):.2f} whole, agreed: {agree}")

# %% [markdown]
# From here on `chunk.holds(span)` of the library says whether the coverage is 1. Some questions have
# two spans, so there are two shares to look at: of the questions with **some** span whole in a chunk
# (the ceiling of the hit rate below), and of those with **every** span whole.


# %%
def held(chunks, book):
    """Whether each span lies whole in some chunk: one list per question."""
    return [[any(c.holds(span) for c in chunks) for span in q.spans] for q in book.questions]


ceiling = {name: np.mean([any(row) for row in held(c, dev)]) for name, c in cuts.items()}
every = {name: np.mean([all(row) for row in held(c, dev)]) for name, c in cuts.items()}

# %% [markdown]
# On the dev questions:

# %% tags=["nbval-check-output"]
for name in cuts:
    print(f"{name:<14} some span {ceiling[name]:.2f}   every span {every[name]:.2f}")

# %% [markdown]
# No search has taken place, and some candidates are out already. Fixed windows of 32 tokens can
# answer at most <!--r:lab02.fixed-32.dev.ceiling-->0.29<!--/r--> of the dev questions, whatever the
# encoder does; sentences of that size <!--r:lab02.sentences-32.dev.ceiling-->0.79<!--/r-->. We drop size 32
# and do not even encode it. And see what overlap does at 64 tokens: none
# gives <!--r:lab02.fixed-64.dev.ceiling-->0.71<!--/r-->, a quarter
# of the window <!--r:lab02.quarter-64.dev.ceiling-->0.92<!--/r-->, an overlap as long as the
# answers <!--r:lab02.sliding-64.dev.ceiling-->1.00<!--/r-->. So the answers set the overlap, not the window.

# %% [markdown]
# ## 4 · Choose on dev, report on test
#
# A retrieved chunk **hits** if it holds a whole gold span. For `ragkit.evaluate` we turn that into
# qrels of chunk ids. One trap: a question whose answer was cut has no right chunk at all, and an
# evaluator may drop a query without judgements, which would *reward* the cut. So such a question gets a judged id that
# nothing can find.
#
# > 🇪🇸 **Resumen.** Elegimos estrategia y tamaño con las preguntas *dev*, y con las de *test* hacemos
# > solo tres comparaciones, anunciadas de antemano. Con tan pocas preguntas, diez cortes no se pueden
# > ordenar: una sola pregunta decide la elección. Y los fragmentos largos entregan más palabras, así
# > que también comparamos con la misma longitud.


# %%
def judge(chunks, book):
    """Qrels of chunk ids: relevant is a chunk that holds a whole gold span of the question."""
    qrels = {}
    for q in book.questions:
        holding = [any(c.holds(span) for span in q.spans) for c in chunks]
        documents = zip(to_documents(chunks), holding, strict=True)
        qrels[q.query_id] = {d.doc_id: 1 for d, held in documents if held} or {"cut in two": 1}
    return qrels


# %% [markdown]
# Search is lab 01's: encode the chunks, encode the question, keep the nearest. The cache (section 7)
# makes the second run of this notebook quick.

# %%
encoder = ragkit.EmbeddingCache().wrap(minilm)


def search(chunks, book):
    """The ten nearest chunks of each question, as a run."""
    asked = [ragkit.Query(q.query_id, q.text) for q in book.questions]
    return ragkit.DenseRetriever(encoder).fit(to_documents(chunks)).run(asked, k=10)


# %% [markdown]
# Ten candidates: the sections, and three strategies at three sizes. This cell encodes a few hundred
# chunks and takes the longest so far.

# %%
names = [name for name in cuts if "32" not in name and "quarter" not in name]
runs = {name: search(cuts[name], dev) for name in names}
reports = {
    name: ragkit.evaluate(judge(cuts[name], dev), runs[name], "hit_rate@5") for name in names
}
hits = {name: report.mean["hit_rate@5"] for name, report in reports.items()}

# %% [markdown]
# The ceiling, and what the search made of it:


# %%
def by_size(scores):
    """One line per strategy: its sizes, and its scores at these sizes."""
    kinds = ("fixed", "sliding", "sentences")
    return {kind: (sizes[1:], [scores[f"{kind} {size}"] for size in sizes[1:]]) for kind in kinds}


plots.show(
    plots.size_curves(
        {"ceiling (dev)": by_size(ceiling), "hit_rate@5 (dev)": by_size(hits)},
        {
            "ceiling (dev)": ("headings", ceiling["headings"]),
            "hit_rate@5 (dev)": ("headings", hits["headings"]),
        },
    ),
    alt="Two panels over the chunk size. Left, the ceiling: fixed windows lowest and rising with the "
    "size, the others at or near 1. Right, the hit rate among five chunks, below the ceiling: fixed "
    "windows lowest at each size, and at 250 tokens all strategies lie close together.",
)

# %% [markdown]
# *In words.* Left, the ceiling: fixed windows cut many answers at 64 tokens and some even at 250, the
# others hardly any. Right, the hit rate, which lies below the ceiling. Fixed windows are lowest at every
# size. The others are hard to tell apart. The sections, which have no size, are the dotted line.
#
# The same with intervals (Wilson's, for shares of few questions), and with the words that five chunks
# put before the reader:

# %% tags=["nbval-check-output"]
for name, report in reports.items():
    value = tables.with_interval(hits[name], report.interval("hit_rate@5"))
    print(f"{name:<14} hit_rate@5 {value}   {5 * words[name]:>4.0f} words read")

# %% [markdown]
# The rule was fixed beforehand: the highest hit_rate@5 on dev, and among equals the fewest words.


# %% tags=["nbval-check-output"]
def choose(scores):
    """The best cut; scores that are equal but for rounding count as equal."""
    return max(scores, key=lambda name: (round(float(scores[name]), 9), -words[name]))


chosen = choose(hits)
print("chosen on dev:", chosen)

# %% [markdown]
# ### How sure is that choice?
#
# Not at all. Three ways to see it, none of which needs the test questions.
#
# **What could 24 questions show?** `compare(…).detectable` is the true difference that so many questions
# would show four times in five. Between two of our cuts it is
# about <!--r:lab02.detectable.dev:points-->24<!--/r--> points, six questions: anything smaller will usually be
# missed. And the ten cuts, fixed windows apart, are closer together than that.
#
# **Would we choose the same again?** Draw 24 questions from the 24, with replacement, as if we had
# written others, and apply the rule. Then try the choice on the questions that were not drawn.

# %% tags=["nbval-check-output"]
scores = np.array([reports[name].values("hit_rate@5") for name in names])  # [cuts, questions]
count = scores.shape[1]
rng, picked, falls = np.random.default_rng(0), [], []
for _ in range(1000):
    drawn = rng.integers(count, size=count)
    left_out = np.setdiff1d(np.arange(count), drawn)
    inside = dict(zip(names, scores[:, drawn].mean(axis=1), strict=True))
    outside = dict(zip(names, scores[:, left_out].mean(axis=1), strict=True))
    picked.append(choose(inside))
    falls.append(inside[picked[-1]] - outside[picked[-1]])
print(f"chosen again: {picked.count(chosen) / 10:.0f}% of the time")
print(f"hit_rate@5 of the choice falls by {np.mean(falls):.3f} on questions that did not choose it")

# %% [markdown]
# The fall is the **winner's curse**: the best of ten noisy scores is partly the luckiest, so it is too
# high on average. The control: over all ten cuts the same fall
# is <!--r:lab02.choice.drop.all-->-0.01<!--/r-->, so the questions left out are no harder.
#
# **Does it matter where the borders lie?** It should not. Yet with every border moved on by half a step,
# sliding windows of 128 tokens change by <!--r:lab02.arm.shift-128:points-->8<!--/r--> points, those of 250
# by <!--r:lab02.arm.shift-250:points-->4<!--/r-->: one or two questions, which is as much as parts most of these
# cuts. A handbook with one more sentence near its beginning could have another winner.
#
# ### One thing at a time
#
# A cut differs from another in more than its size. Two suspects can be tried alone. First: is the end
# of a long chunk read at all by a model that was trained on 128 tokens? Let it read only so many of each:

# %% tags=["nbval-check-output"]
short = ragkit.MiniLMEncoder(backend="auto", max_length=128)
limited = ragkit.DenseRetriever(ragkit.EmbeddingCache().wrap(short))
limited.fit(to_documents(cuts["sentences 250"]))
asked = [ragkit.Query(q.query_id, q.text) for q in dev.questions]
report = ragkit.evaluate(judge(cuts["sentences 250"], dev), limited.run(asked, k=10), "hit_rate@5")
found = ragkit.compare(report, reports["sentences 250"], "hit_rate@5")
low, high = found.interval
print(f"128 tokens of each chunk read: {found.difference:+.2f} [{low:+.2f}, {high:+.2f}]")

# %% [markdown]
# It is read, and it counts: without it the hit rate falls, far enough to show on 24 questions. Beyond what it
# was trained on the model still works; whether it works *as well* there, this does not say.
#
# Second: the sections begin with their heading, which no other chunk has. Put each chunk of 128 tokens in
# sentences under its section's heading, and hit_rate@5 changes
# by <!--r:lab02.arm.heading:points-->0<!--/r--> points
# [<!--r:lab02.arm.heading:low:points-->-13<!--/r-->, <!--r:lab02.arm.heading:high:points-->13<!--/r-->]:
# nothing shown, and a gain of ten points could have hidden.
#
# ### What a longer chunk costs
#
# Five chunks of 250 tokens are a fifth of the book. Somebody reads them: a person, or a language model
# with which you pay by the token. So compare at about equal **length** instead of equal number: about 512
# tokens, which makes two chunks of 250, four of 128, eight windows or ten packs of sentences of 64. (The
# number of chunks follows from their *mean* length, so 512 is an average and not a limit.)
#
# The function keeps that many chunks of each [run](../theory/glossary.md#run) and drops the rest. No run then has more than ten, so
# hit_rate@10 asks whether *any* chunk within the budget is right.


# %% tags=["nbval-check-output"]
def within_budget(run, name, budget=512):
    """The run with as many chunks as have `budget` tokens on average, at least one."""
    depth = max(1, int(budget / np.mean([len(tokens(c.text)) for c in cuts[name]])))
    return {query_id: dict(list(scores.items())[:depth]) for query_id, scores in run.items()}


fair = {
    name: ragkit.evaluate(judge(cuts[name], dev), within_budget(runs[name], name), "hit_rate@10")
    for name in names
}
for name, report in fair.items():
    value = tables.with_interval(report.mean["hit_rate@10"], report.interval("hit_rate@10"))
    print(f"{name:<14} about 512 tokens {value}")
frugal = choose({name: report.mean["hit_rate@10"] for name, report in fair.items()})
print("chosen on dev:", frugal)

# %% [markdown]
# A different yardstick, a different winner, and one that is no surer. At 250 tokens, two chunks instead
# of five, every strategy loses.
#
# ### Three questions to the test split
#
# We name them before we look, since every further look would be one more chance to be lucky:
#
# 1. **Overlap.** Do sliding windows of 64 tokens beat fixed ones, among five chunks?
# 2. **The winner.** Do sentences of 250 tokens beat sliding windows of 250, among five chunks?
# 3. **Length.** Within 512 tokens, do sliding windows of 64 beat sentences of 250?
#
# With three tests, one in seven would come out "significant" at 5% by chance alone if nothing were true. **Holm's**
# correction pays for that: the smallest p-value is multiplied by 3, the next by 2, the last by 1.

# %% tags=["nbval-check-output"]
tested, budgeted = {}, {}
for name in ("sliding 64", "fixed 64", "sentences 250", "sliding 250"):
    run, qrels = search(cuts[name], test), judge(cuts[name], test)
    tested[name] = ragkit.evaluate(qrels, run, "hit_rate@5")
    budgeted[name] = ragkit.evaluate(qrels, within_budget(run, name), "hit_rate@10")
planned = {
    "overlap": ragkit.compare(tested["sliding 64"], tested["fixed 64"], "hit_rate@5"),
    "winner": ragkit.compare(tested["sentences 250"], tested["sliding 250"], "hit_rate@5"),
    "length": ragkit.compare(budgeted["sliding 64"], budgeted["sentences 250"], "hit_rate@10"),
}
adjusted = holm({name: found.p_value for name, found in planned.items()})
for name, found in planned.items():
    low, high = found.interval
    print(
        f"{name:<8} {found.difference:+.3f} [{low:+.2f}, {high:+.2f}]  p {adjusted[name]:.2f}, "
        f"could have seen {found.detectable:.2f}"
    )
value = tables.with_interval(
    tested[chosen].mean["hit_rate@5"], tested[chosen].interval("hit_rate@5")
)
print(f"{chosen} on test: {value}")

# %% [markdown]
# Read it honestly:
#
# - **Cutting answers costs.** The overlap
#   gains <!--r:lab02.planned.overlap:points-->22<!--/r--> points
#   [<!--r:lab02.planned.overlap:low:points-->8<!--/r-->, <!--r:lab02.planned.overlap:high:points-->36<!--/r-->], on test as
#   on dev.
# - **The winner is not one.** On test its hit_rate@5 is <!--r:lab02.chosen.test-->0.85<!--/r-->, after
#   the <!--r:lab02.sentences-250.dev.hit_rate@5-->0.96<!--/r--> for which it was chosen, and its rival is level
#   with it: <!--r:lab02.planned.rival:points-->-2<!--/r--> points
#   [<!--r:lab02.planned.rival:low:points-->-14<!--/r-->, <!--r:lab02.planned.rival:high:points-->9<!--/r-->].
# - **Length is open.** Short windows are ahead within the budget
#   by <!--r:lab02.planned.budget:points-->12<!--/r--> points
#   [<!--r:lab02.planned.budget:low:points-->-3<!--/r-->, <!--r:lab02.planned.budget:high:points-->28<!--/r-->]. The interval
#   contains 0, but <!--r:lab02.planned.budget:n-->40<!--/r--> questions could only have shown a difference
#   of <!--r:lab02.planned.budget:detectable:points-->21<!--/r-->.
#
# So the data do not name a best cut. What they do say: do not cut answers; state what you hold
# constant, chunks or words; and where scores cannot be told apart, take what is cheaper to read and simpler to
# maintain.
#
# A last trap: <!--r:lab02.sections.long-->9<!--/r--> of the <!--r:lab02.sections-->30<!--/r--> sections are
# longer than MiniLM reads, and <!--r:lab02.sections.hidden-->8<!--/r-->
# of the <!--r:lab02.questions-->64<!--/r--> questions have a span in a part that the encoder never saw. Such a
# chunk *holds* the answer but may be found only by the rest of its text. The ceiling does not know that.
#
# **A good place to stop.** So far: how to cut. From here: how to search, first exactly, then fast.

# %% [markdown]
# ## 5 · Exact search is a matrix product
#
# With documents as rows of $D$ and questions as rows of $Q$, all unit vectors, the score of every pair
# is one product, $S = QD^\top$. Sort each row, keep k. That is all of *exact* or *flat* search, and it
# costs $n \cdot d$ multiplications per question.
#
# But $S$ has a number for every pair. Ask 10,000 questions of 10 million documents, and it takes 400 GB, which
# no laptop has. It need not exist: of all the documents seen so far, only the k best of each question can still
# win. So take the documents in **blocks** and carry the winners along.
#
# > 🇪🇸 **Resumen.** La búsqueda exacta (*flat*) es un producto de matrices seguido de una ordenación
# > por filas. Cuesta $n \cdot d$ multiplicaciones por pregunta y devuelve siempre los
# > vecinos exactos (que no siempre son la respuesta). No hace falta tener todas las puntuaciones a la
# > vez: se toman los documentos por bloques y solo se conservan los k mejores vistos hasta el momento.
#
# ### Exercise 2.3 · The nearest, in blocks
# *Difficulty ●●● · 15 minutes*
#
# Return, for each query, the row numbers of the `k` documents with the largest inner product, best
# first. (*Inner product* is another name of lab 01's dot product, and the one that indexes use.) Of equal scores
# the lower row comes first; a `k` above the number of documents means all of them. The vectors may have any length.
#
# The float32 scores of a block may take at most `memory` bytes: take as many documents at a time as that
# allows, and one if it does not allow any. Beside a block, keep only the winners so far. The check looks at your row
# numbers; the cells after it, at your memory.
#
# <details><summary>Hint 1: a nudge</summary>
#
# How many bytes are the scores of *one* document, for all the queries? And once a block has been scored, what must
# you know of it when you look at the next?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Carry two arrays from block to block, `[q, at most k]`: the best scores so far and their row numbers, both empty at
# first. For each block, join its scores to the right of those you carry, and do the same with the row
# numbers, which count from the first document of all. Sort each row of the joined scores and
# cut after k; `np.take_along_axis` brings the row numbers into the same order. What is further left has the lower row
# number, so a *stable* sort keeps the rule for equal scores.
#
# </details>


# %%
def nearest(queries, documents, k, memory):
    """Row numbers of the k best, best first: float32 [q, d], float32 [n, d] -> int [q, min(k, n)].

    Blocks of documents: the float32 scores of one take at most `memory` bytes, or are those of one
    document. Equal scores: the lower row first.
    """
    # BEGIN SOLUTION
    size = max(1, memory // (4 * len(queries)))
    scores = np.empty((len(queries), 0), dtype=np.float32)
    rows = np.empty((len(queries), 0), dtype=int)
    for start in range(0, len(documents), size):
        block = queries @ documents[start : start + size].T  # [q, size]
        numbers = np.broadcast_to(start + np.arange(block.shape[1]), block.shape)
        scores = np.concatenate([scores, block], axis=1)
        rows = np.concatenate([rows, numbers], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        scores = np.take_along_axis(scores, order, axis=1)
        rows = np.take_along_axis(rows, order, axis=1)
    return rows
    # END SOLUTION


# %%
check.nearest(nearest)

# %% [markdown]
# `FlatIndex` does the same through FAISS. It adds what a program needs around the product: ids instead
# of row numbers (of equal scores the lower id comes first), and a check of what comes in.

# %% tags=["nbval-check-output"]
documents = to_documents(cuts["sliding 128"])
rows = encoder.encode([d.full_text for d in documents])
index = ragkit.FlatIndex(384)
index.add(rows, [d.doc_id for d in documents])
query = encoder.encode([question.text])
print(index.search(query, 3)[1])
print(np.sort(query @ rows.T)[0, ::-1][:3].round(3), index.search(query, 3)[0].round(3))

# %% [markdown]
# **Your search at work.** Ask the handbook a question of your own, in English: change `my_question`.


# %%
def library_nearest(queries, documents, k, memory):
    """What FAISS's flat index finds, in blocks of its own; of equal scores it may take any."""
    faiss_index = import_faiss().IndexFlatIP(documents.shape[1])
    faiss_index.add(documents)
    return faiss_index.search(queries, k)[1]


blockwise = check.nearest.choose(nearest, library_nearest)
my_question = "Is it 'he must' or 'he musts'?"
best = np.array(blockwise(encoder.encode([my_question]), rows, 3, 100), dtype=int)[0]
for row in best:
    print(f"{documents[row].doc_id}  {rows[row] @ encoder.encode(my_question):.2f}")
    print("   ", " ".join(documents[row].text.split()[:20]), "…")

# %% [markdown]
# **And its memory?** Ask lab 01's questions of the chunks of all ten cuts, with a fortieth of the memory that all
# the scores together would take. `tracemalloc` notes the most that Python and NumPy held at one time.

# %% tags=["nbval-check-output"]
asked = encoder.encode([q.text for q in ragkit.load_kb(split="dev").queries])
pieces = encoder.encode([d.full_text for name in names for d in to_documents(cuts[name])])
all_scores = 4 * len(asked) * len(pieces)
limit = all_scores // 40
tracemalloc.start()
found = blockwise(asked, pieces, 3, limit)
peak = tracemalloc.get_traced_memory()[1]
tracemalloc.stop()
everything = ragkit.FlatIndex(384)
everything.add(pieces, [str(row) for row in range(len(pieces))])
flat_scores = everything.search(asked, 3)[0]
found_scores = np.take_along_axis(asked @ pieces.T, np.array(found, dtype=int), axis=1)
print(f"{len(asked)} questions, {len(pieces)} chunks: all scores take {all_scores / 1000:.0f} kB")
print("never as much as half of that:", peak < all_scores / 2)
print("the same scores as FlatIndex finds:", np.allclose(found_scores, flat_scores, atol=1e-5))

# %% [markdown]
# The limit is on a block's *scores*, and the peak is several times as high (print `peak / limit`), since NumPy makes
# copies. For a moment, joined arrays stand beside their parts. Negated scores take as many bytes again, and sorted
# row numbers (int64) twice as many. The winners are carried along. But all of these grow with the
# block and with k, not with the number of documents. If you see `False`, your function holds more at once than it
# needs: the winners of every block until the end, say, or lists of Python numbers, each of which takes some 32 bytes
# with its place in the list.

# %% [markdown]
# ## 6 · Inner product, distance, cosine
#
# Three measures are in use. For **unit** vectors they agree, because
#
# $$\lVert a - b\rVert^2 = \lVert a\rVert^2 + \lVert b\rVert^2 - 2 a \cdot b = 2 - 2 a \cdot b .$$
#
# The largest inner product is the smallest distance, and the inner product *is* the cosine.
#
# > 🇪🇸 **Resumen.** Con vectores de norma 1, producto escalar, distancia euclídea (L2) y coseno dan el
# > mismo orden, pues $\lVert a-b\rVert^2 = 2 - 2 a\cdot b$. Sin normalizar, el producto escalar
# > favorece a los vectores de norma grande, y la distancia, a los de norma parecida a la del vector de
# > la pregunta.

# %% tags=["nbval-check-output"]
distances = ((rows - query) ** 2).sum(axis=1)
products = rows @ query[0]
print("2 - 2ab holds:", np.allclose(distances, 2 - 2 * products, atol=1e-5))
print("same order:", np.array_equal(np.argsort(distances)[:10], np.argsort(-products)[:10]))

# %% [markdown]
# Now forget to normalise. MiniLM's last step divides by the length; we take its token vectors from
# before that step and pool them ourselves. For more questions than the handbook has, this section
# uses the knowledge base of lab 01.

# %%
kb = ragkit.load_kb(split="dev")


def pool(texts):
    """Mean token vector of each text, not normalised, [n, 384], and its tokens [n]."""
    states = minilm.token_vectors(texts)
    return np.stack([s.mean(axis=0) for s in states]), np.array([len(s) for s in states])


d, d_tokens = pool([document.full_text for document in kb.documents])
q, q_tokens = pool([query.text for query in kb.queries])

# %% [markdown]
# How long are these vectors?

# %%
lengths = {
    "documents": (d_tokens, np.linalg.norm(d, axis=1)),
    "questions": (q_tokens, np.linalg.norm(q, axis=1)),
}
plots.show(
    plots.length_scatter(lengths),
    alt="Length of each mean vector against the tokens of its text. The questions, which are short "
    "texts, have the longest vectors; the documents, which are longer texts, have shorter ones.",
)

# %% [markdown]
# *In words.* The length is anything but 1, and it is not noise: the more tokens a text has, the
# shorter the mean of their vectors. Documents have lengths
# from <!--r:lab02.norms.shortest-->2.1<!--/r--> to <!--r:lab02.norms.longest-->3.9<!--/r-->. Mostly, length
# shows how long and how mixed a text is. (Not only: in word vectors it also grows with how much a word
# says, Oyama et al. 2023.)
#
# Rank three forms of the *same* vectors by inner product and by L2: unit vectors, the means as they
# are, and sums (somebody forgot to divide by the number of tokens).

# %%
forms = {
    "unit": tuple(x / np.linalg.norm(x, axis=1, keepdims=True) for x in (q, d)),
    "mean": (q, d),
    "sum": (q * q_tokens[:, None], d * d_tokens[:, None]),
}
cosine_first = (forms["unit"][0] @ forms["unit"][1].T).argmax(axis=1)


def score_kb(scores):
    """Hit-rate@5 on the dev questions of scores float [q, n]."""
    ids = [document.doc_id for document in kb.documents]
    rows = zip(kb.queries, scores.tolist(), strict=True)
    run = {query.query_id: dict(zip(ids, row, strict=True)) for query, row in rows}
    return ragkit.evaluate(kb.qrels, run, "hit_rate@5").mean["hit_rate@5"]


# %% [markdown]
# `moved` is the share of questions whose first document is no longer the one that cosine puts first.

# %% tags=["nbval-check-output"]
for form, (a, b) in forms.items():
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :]
    for measure, scores in {"inner product": a @ b.T, "L2": 2 * a @ b.T - squares}.items():
        moved = (scores.argmax(axis=1) != cosine_first).mean()
        print(f"{form:<5} {measure:<14} hit_rate@5 {score_kb(scores):.2f}   moved {moved:.2f}")

# %% [markdown]
# Unit vectors: nothing moves. Means: by either measure another document comes first for more than a
# quarter of the questions; the hit rate is a little lower, not by enough to be sure
# on <!--r:lab02.unit.ip.hit_rate@5:n-->115<!--/r--> questions. Sums: by inner product the hit rate is hardly
# touched, but L2 collapses to <!--r:lab02.sum.l2.hit_rate@5-->0.41<!--/r-->. A question is a short text, so its
# sum is short, and nearest to it is whatever else is short: one single document comes first
# for <!--r:lab02.sum.l2.commonest-->80<!--/r--> of the questions. If that is the reason, it must be the document with
# the shortest sum of all, and it is (place <!--r:lab02.sum.l2.commonest.place-->1<!--/r--> of 56).
#
# No error, no warning, merely worse answers. That is why a `ragkit` index refuses such vectors:

# %% tags=["nbval-check-output"]
try:
    ragkit.FlatIndex(384).add(d, [document.doc_id for document in kb.documents])
except ragkit.VectorError as error:
    print(error)

# %% [markdown]
# ## 7 · The cache
#
# The vector of a text depends on the text and the encoder, and on nothing else. So it is computed once
# and stored on disk, under the hash of the text and the encoder's *fingerprint* (weights, pooling,
# maximal length). A second run encodes nothing, an edit one text, and another encoder shares nothing
# with the first:
#
# > 🇪🇸 **Resumen.** El vector de un texto solo depende del texto y del codificador: se calcula una vez
# > y se guarda en disco. La segunda vez no se codifica nada; si cambia un texto, solo se codifica ese,
# > y si cambia el codificador, todo.

# %% tags=["nbval-check-output"]
texts = [chunk.text for chunk in cuts["sliding 128"][:20]]
edited = [texts[0] + " One more sentence.", *texts[1:]]
other = ragkit.MiniLMEncoder(backend="auto", max_length=200)
with tempfile.TemporaryDirectory() as folder:
    for label, encoded_by, batch in (
        ("first run", minilm, texts),
        ("second run", minilm, texts),
        ("one text edited", minilm, edited),
        ("other limit", other, texts),
    ):
        cache = ragkit.EmbeddingCache(folder)
        cache.wrap(encoded_by).encode(batch)
        print(f"{label:<16} found {cache.hits:>2}, encoded {cache.misses:>2}")

# %% [markdown]
# ## 8 · Flat against HNSW
#
# Fifty documents or fifty thousand: the code is the same, the cost is not. Flat search looks at every
# vector. [**HNSW**](../theory/glossary.md#hnsw) (Malkov & Yashunin 2016) links each vector to some neighbours and *walks*: from where
# it stands to the neighbour nearest to the question. It looks at a fraction of the vectors, and may
# miss some.
#
# > 🇪🇸 **Resumen.** La búsqueda exacta mira todos los vectores; HNSW recorre un grafo de vecinos y mira
# > unos pocos, a riesgo de perder alguno. Con vectores sintéticos, hasta 30 000 en el grafo, medimos la
# > latencia, la memoria y la exhaustividad (*recall*) respecto a la búsqueda exacta, en un caso
# > parecido al de los textos y en otro difícil.
#
# ### The walk, step by step
#
# Two things make the walk work. A list of the best vectors seen so far, the **beam**, keeps
# it from giving up at the first dead end: it follows the links of the best one whose links it has not followed
# yet, and stops when the beam has none left. And **layers**: one vector in several also lies in an upper
# layer, where links are long, so that the walk starts with a few great strides. Here it is on 120
# points of the plane ([page 02](../theory/02-chunking-and-indexes.md), section 7, has lists beside it).


# %%
def linked(rows, count):
    """Each point linked to its `count` nearest among these rows, both ways."""
    links = {row: set() for row in rows}
    for row in rows:
        far = np.linalg.norm(points[rows] - points[row], axis=1)
        for other in np.array(rows)[far.argsort()[1 : count + 1]].tolist():
            links[row].add(other)
            links[other].add(row)
    return links


def walk(links, entry, width):
    """Where the walk stood at each step, with what it had compared and its beam."""
    beam, seen, done, steps = [entry], {entry}, set(), []
    while waiting := [point for point in beam if point not in done]:
        here = waiting[0]
        done.add(here)
        seen |= links[here]
        beam = sorted(seen, key=distance.__getitem__)[:width]
        steps.append((sorted(seen), beam, here))
    return steps


# %% [markdown]
# The upper layer has every eighth point and a beam of one. Where that walk ends, the bottom layer
# begins, once with a beam of 4 and once with 8.

# %%
points = np.random.default_rng(2).random((120, 2))
star = np.array([0.8, 0.25])
distance = np.linalg.norm(points - star, axis=1)
upper, bottom = linked(range(0, 120, 8), 3), linked(range(120), 5)


def moment(links, step):
    """What the picture needs: each link once, then what the walk knew at that step."""
    return ([(a, b) for a in links for b in links[a] if a < b], *step)


farthest = max(upper, key=distance.__getitem__)
down = walk(upper, farthest, 1)
moments = {
    "upper layer, first step": moment(upper, down[0]),
    "upper layer, arrived": moment(upper, down[-1]),
}
arrived = down[-1][1][0]
for width in (4, 8):
    last = walk(bottom, arrived, width)[-1]
    found = len(set(distance.argsort()[:4].tolist()) & set(last[1]))
    moments[f"beam of {width}: {found} of the nearest 4"] = moment(bottom, last)
plots.show(
    plots.walk_steps(points, star, moments),
    alt="Four panels of linked points in the plane with a star, the query. In the upper layer, which "
    "has few points, the walk starts far away at the upper left and arrives beside the star in a few "
    "strides. In the bottom layer a beam of 4 stays on one side of an empty area and finds two of "
    "the four nearest; a beam of 8 goes round it and finds all four.",
)

# %% [markdown]
# *In words.* Few strides in the upper layer bring the walk beside the query (the star). Around the star
# is an empty area. With a beam of 4 all four places are taken by points to its left and above, whose
# links lead to nothing nearer, and the walk stops with two of the nearest four. A beam of 8 keeps some points that lie
# a little farther, goes round through them, and finds all four. It compares more points. That is the whole
# trade: **a wider beam costs comparisons and loses fewer neighbours.**
#
# In HNSW a vector has up to $2M$ links in the bottom layer and up to $M$ in those above; about one vector in $M$
# reaches the next layer. The beam is called `efSearch`.
#
# ### What is lost: recall against flat
#
# An approximate index is judged by how many of the *true* neighbours, those of flat search, it finds:
# its **recall against flat**. No question is judged for that. (Lab 03 uses *recall* for another share: of
# the relevant documents. Here nothing is relevant, only near.)
#
# ### Exercise 2.4 · Recall@k
# *Difficulty ●●○ · 10 minutes*
#
# What share of the true nearest neighbours did the index find? Row `i` of `found` and of `exact` holds
# the row numbers for query `i`, none of them twice. A neighbour counts wherever it stands in its row. FAISS
# writes `-1` where it found nothing, and that is a miss. Return one number, from 0 to 1.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Two neighbours were found at each other's rank: is anything lost? And if a query got three documents and seven
# times `-1`, out of how many is its share?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Order within a row does not matter: compare sets, query by query. Every query has
# `exact.shape[1]` neighbours to find, however many it found; then take the mean over the queries.
#
# </details>


# %%
def recall_at_k(found, exact):
    """Mean share of the exact neighbours that were found: int [q, k] twice -> float."""
    # BEGIN SOLUTION
    shared = [len(set(mine) & set(true)) for mine, true in zip(found, exact, strict=True)]
    return np.mean(shared) / exact.shape[1]
    # END SOLUTION


# %%
check.recall_at_k(recall_at_k)

# %% [markdown]
# **Your recall at work.** The walk from above, without upper layers, over the handbook's windows of 64
# tokens: each is linked to its five nearest, and every walk begins at the first. How many of the four true
# neighbours of each dev question does a beam find?


# %%
def library_recall(found, exact):
    """The same from `ragkit.evaluate`: the true neighbours are the relevant documents."""
    metric = f"recall@{exact.shape[1]}"
    right = {str(q): {str(row): 1 for row in rows} for q, rows in enumerate(exact)}
    run = {
        str(q): {str(row): -rank for rank, row in enumerate(rows) if row >= 0}
        for q, rows in enumerate(found.tolist())
    }
    return ragkit.evaluate(right, run, metric).mean[metric]


recall = check.recall_at_k.choose(recall_at_k, library_recall)
points = encoder.encode([d.full_text for d in to_documents(cuts["sliding 64"])])
stars = encoder.encode([q.text for q in dev.questions])
links = linked(range(len(points)), 5)
beams = {4: [], 8: [], 16: [], 32: []}
for star in stars:
    distance = np.linalg.norm(points - star, axis=1)
    for width, ends in beams.items():
        ends.append(walk(links, 0, width)[-1][1][:4])
exact = np.argsort(-(stars @ points.T))[:, :4]
for width, ends in beams.items():
    print(f"beam of {width:>2}: recall@4 {float(recall(np.array(ends), exact)):.2f}")

# %% [markdown]
# ### Two clouds of vectors
#
# To see anything we need tens of thousands of vectors, and encoding as many texts would take too
# long. So we draw them: a centre, plus noise as long as the centre. What the noise is like matters, so
# there are two clouds from one generator, and the truth about *your* documents is neither:
#
# - **texts**: the centres are embeddings of real texts, and the noise is spread as these are, over few
#   strong directions and many weak ones;
# - **topics**: ten random centres, and noise alike in all directions. The hard case: a thousand
#   vectors of one topic, all about equally far from the question.

# %%
real = encoder.encode(
    [document.full_text for document in kb.documents]
    + [chunk.text for chunk in cuts["sentences 32"]]
    + [query.text for query in kb.queries]
)
clouds = {"texts": synthetic.like_texts(real), "topics": synthetic.even_topics(10)}
vectors = {
    "texts": clouds["texts"].draw(100_000, seed=0),
    "topics": clouds["topics"].draw(10_000, 0),
}
queries = {name: cloud.draw(500, seed=1) for name, cloud in clouds.items()}

# %% [markdown]
# Flat search first, at four sizes. A hundred questions are asked one at a time, as users would, and the median
# time counts. A query reads every vector, so the bytes read per second are worth a look as well.


# %%
def milliseconds(index, asked):
    """The median time of one question."""
    seconds = []
    for question in asked[:100]:
        started = time.perf_counter()
        index.search(question, 10)
        seconds.append(time.perf_counter() - started)
    return 1000 * float(np.median(seconds))


def filled(index, rows):
    """The index with these rows in it, under their numbers."""
    index.add(rows, [str(number) for number in range(len(rows))])
    return index


flat, truth = {}, {}
for count in (1_000, 10_000, 30_000, 100_000):
    index = filled(ragkit.FlatIndex(384), vectors["texts"][:count])
    flat[count] = milliseconds(index, queries["texts"])
    truth["texts", count] = index.search(queries["texts"], 10)
    rate = count * 1536 / flat[count] / 1e6
    print(f"{count:>7,} vectors  {flat[count]:>7.3f} ms  {rate:>5.1f} GB per second")
index = filled(ragkit.FlatIndex(384), vectors["topics"])
truth["topics", 10_000] = index.search(queries["topics"], 10)

# %% [markdown]
# How near are the nearest? The cosine of a question with its first and with its tenth neighbour:

# %%
for name in clouds:
    first, tenth = truth[name, 10_000][0].mean(axis=0)[[0, 9]]
    print(f"{name:<6}  first {first:.2f}  tenth {tenth:.2f}")

# %% [markdown]
# Among *texts* the first stands out from the tenth. Among *topics* all ten are nearly tied, and so
# are hundreds behind them.
#
# Build the graphs. `m` is $M$, and `ef_construction` is the beam while building: 32 and 40 are FAISS's defaults.
# What was built is stored on disk like the vectors of section 7, and read back in the next run.

# %%
kept, graphs = ragkit.IndexCache(), {}
for name, count in (("texts", 1_000), ("texts", 10_000), ("texts", 30_000), ("topics", 10_000)):
    started, hits_before = time.perf_counter(), kept.hits
    empty = ragkit.HNSWIndex(384, m=32, ef_construction=40)
    numbers = [str(number) for number in range(count)]
    graphs[name, count] = kept.fill(empty, vectors[name][:count], numbers)
    seconds = time.perf_counter() - started
    how = "read back" if kept.hits > hits_before else "built"
    print(f"{name:<6} {count:>7,} vectors  {how} in {seconds:.1f} s")

# %% [markdown]
# Sweep `ef_search`, the beam of the walk. FAISS counts how many vectors it compared. Besides recall we
# ask how much *farther* the found vectors are than the true ones, on average.

# %%
statistics = import_faiss().cvar.hnsw_stats
widths = (16, 32, 64, 128)
sweep = {}
for (name, count), graph in graphs.items():
    scores, exact = truth[name, count]
    for width in widths:
        graph.ef_search = width
        statistics.reset()
        found_scores, found = graph.search(queries[name], 10)
        compared = statistics.ndis / len(found)
        shared = np.array([len(set(a) & set(b)) for a, b in zip(found, exact, strict=True)])
        farther = np.sqrt(2 - 2 * found_scores).mean() / np.sqrt(2 - 2 * scores).mean() - 1
        sweep[name, count, width] = compared, shared / 10, farther

# %% [markdown]
# For each graph and beam: recall, the share of questions that found all ten and of those that found five
# or fewer, how much farther, and what it cost.

# %%
for (name, count, width), (compared, shared, farther) in sweep.items():
    graphs[name, count].ef_search = width
    took = milliseconds(graphs[name, count], queries[name])
    print(
        f"{name:<6} {count:>6,}, efSearch {width:>3}: recall {shared.mean():.3f}, all ten "
        f"{(shared == 1).mean():.2f}, five or fewer {(shared <= 0.5).mean():.2f}, "
        f"{100 * farther:>4.1f}% farther, {compared:>5.0f} compared, {took:.2f} ms"
    )

# %% [markdown]
# The trade as a picture:


# %%
def curve(name, count):
    """Vectors compared and recall, at each beam."""
    measured = [sweep[name, count, width] for width in widths]
    return [compared for compared, _, _ in measured], [shared.mean() for _, shared, _ in measured]


curves = {
    "spread as texts are": {
        f"{count:,} vectors": curve("texts", count) for count in (1_000, 10_000, 30_000)
    },
    "even topics": {"10,000 vectors": curve("topics", 10_000)},
}
plots.show(
    plots.recall_curves(curves, widths, "vectors compared for one question"),
    alt="Two panels of recall@10 against the number of vectors compared. Spread as texts are, all "
    "lines lie near 1. For even topics the line of 10,000 vectors climbs from well below 1 at "
    "efSearch 16 to nearly 1 at 128.",
)

# %% [markdown]
# *In words.* Spread as texts are, recall is near 1 at any beam. For even topics it climbs
# from <!--r:lab02.hnsw.topics.10000.ef16.recall@10-->0.85<!--/r--> at `efSearch` 16, FAISS's default,
# to <!--r:lab02.hnsw.topics.10000.ef128.recall@10-->1.00<!--/r--> at 128, for about twice the comparisons.
#
# What to see in the numbers:
#
# - **The data decide.** Same size, same graph, same beam:
#   recall <!--r:lab02.hnsw.texts.10000.ef16.recall@10-->1.00<!--/r--> in one cloud
#   and <!--r:lab02.hnsw.topics.10000.ef16.recall@10-->0.85<!--/r--> in the other. Which difference does it?
#   Swap one at a time. Even noise around the many real centres
#   gives <!--r:lab02.hnsw.arm.many-even-->1.00<!--/r-->, noise spread as texts are around ten random
#   ones <!--r:lab02.hnsw.arm.few-shaped-->0.95<!--/r-->. So it takes crowding, a thousand vectors round one
#   centre, to lose anything; and even noise makes that loss about three times as large.
# - **Size alone decides nothing.** The same ten topics with a hundred vectors each, instead of a thousand,
#   lose nothing (<!--r:lab02.hnsw.topics.1000.ef16.recall@10-->1.00<!--/r--> at the same beam). A setting
#   that is right for one base may be wrong for another, larger or only different: measure at *yours*.
# - **One mean, two kinds of loss.** Among *topics* the loss is spread
#   out: <!--r:lab02.hnsw.topics.10000.ef16.all:points-->23<!--/r-->% of the questions find all ten, and hardly any
#   lose half. Among *texts*, at 30,000, <!--r:lab02.hnsw.texts.30000.ef16.all:points-->97<!--/r-->% find all ten, and
#   nearly all the others lose half or more. Users notice the second kind.
# - **Lost is not far.** What was found is on average less than one per cent farther than the true
#   neighbours, in both clouds. If the answer was among the lost, that is no comfort.
# - **Small bases gain nothing.** Among 1,000 vectors a beam of 128
#   makes <!--r:lab02.hnsw.texts.1000.ef128.compared-->972<!--/r--> comparisons, about as many as there are vectors.
# - **A slower build is no cure-all.** With `ef_construction` 200, `ragkit`'s own default, recall among the
#   topics is <!--r:lab02.hnsw.topics.10000.careful.ef16.recall@10-->0.83<!--/r--> at `efSearch` 16. Widen the beam
#   first: it needs no new graph.

# %% [markdown]
# ### Ten million, honestly
#
# Flat search must touch every vector, so its time should grow like $n$. Nearly: small bases fit the
# processor's cache, large ones come from memory, and each question has a cost of its own. The bytes read per second,
# printed above, were therefore not the same at every size. So we fit no curve, and only carry the largest
# size on in proportion:

# %%
ten_million = 100 * flat[100_000]
print(f"10 million, if 100 times the vectors take 100 times as long: {ten_million / 1000:.1f} s")

# %% [markdown]
# The picture, with HNSW at `efSearch` 32 beside it. Marks are measured; the dotted line is not.

# %%
beside = [count for name, count in graphs if name == "texts"]
walked = []
for count in beside:
    graphs["texts", count].ef_search = 32
    walked.append(milliseconds(graphs["texts", count], queries["texts"]))
measured = {"flat": (list(flat), list(flat.values())), "HNSW": (beside, walked)}
plots.show(
    plots.latency_growth(measured, ([100_000, 10_000_000], [flat[100_000], ten_million])),
    alt="Latency of one query against the number of vectors, both on log axes. The marks of flat "
    "search rise with the number of vectors; at 30,000 HNSW lies far below flat. A dotted line "
    "carries flat on in proportion to 10 million, over a grey ground marked as not measured.",
)

# %% [markdown]
# *In words.* Flat rises with $n$. At 30,000 HNSW lies far below it. Nothing to the right of the last marks
# was measured.
#
# - The dotted line has a reason behind it. At 10 million vectors 15 GB must be fetched for each
#   question, and one thread reads some 10 to 25 GB a second (what a search read here is
#   printed above): **about one second per question**. A scan spread over all threads reads more, and a
#   batch shares what it reads.
# - For HNSW we do **not** extrapolate. Its authors expect the walk to grow roughly as $\log n$; our counts
#   follow the shape of the cloud as much as its size, and recall would have to be measured there as well. What is
#   certain at 10 million is the memory, next.

# %% [markdown]
# ### And the question itself
#
# Before anything is compared, the question must become a vector. The same MiniLM can be run by PyTorch or
# by **onnxruntime**, which reads the network as one graph of fused operations and gives the same vectors;
# in *int8*, with weights rounded to whole numbers, they are only near. Measured once (`make bench`):

# %%
timings = ledger.load()
for part, name in {
    "encode a question, PyTorch": "embed_query",
    "encode a question, onnxruntime": "embed_query.onnx",
    "encode a question, onnxruntime int8": "embed_query.onnx-int8",
    "search 56 documents, flat": "search_56",
}.items():
    print(f"{part:<36} {timings[f'time.{name}']['value']:>6.2f} ms")
print(f"{'search 100,000 vectors, flat (here)':<36} {flat[100_000]:>6.2f} ms")
print(f"{'search 30,000 vectors, flat (here)':<36} {flat[30_000]:>6.2f} ms")
print(f"{'search 30,000 vectors, HNSW (here)':<36} {walked[-1]:>6.2f} ms")

# %% [markdown]
# With ten thousand vectors a flat search takes less time than the encoder does. At that size, look at
# what runs the encoder before you look at the index.

# %% [markdown]
# ## 9 · What it weighs
#
# > 🇪🇸 **Resumen.** Un vector de $d$ dimensiones en fp32 ocupa $4d$ bytes; HNSW añade unos $8M$ bytes de
# > enlaces por vector. Con 50 documentos apenas ocupa nada; con 10 millones llena o desborda un portátil
# > de 16 GiB, y se recurre a la cuantización.
#
# ### Exercise 2.5 · Bytes of an index
# *Difficulty ●○○ · 5 minutes*
#
# A flat index stores 4 bytes per number. HNSW stores the same vectors and, in the bottom layer of its
# graph, $2M$ links of 4 bytes per vector (the upper layers are small: leave them out). Return the
# bytes; `links` is $M$, or `None` for a flat index.
#
# <details><summary>Hint 1: a nudge</summary>
#
# Begin with a single vector. What is stored for it, in a flat index and in a graph, and how many bytes is each
# part?
#
# </details>
#
# <details><summary>Hint 2: the way</summary>
#
# Bytes of one vector, plus bytes of its links if there are any, times `n`. $M$ links would be half of what the
# bottom layer has.
#
# </details>


# %%
def storage_bytes(n, dimension, links=None):
    """Bytes of n fp32 vectors: flat if `links` is None, else HNSW with M = links."""
    # BEGIN SOLUTION
    graph = 0 if links is None else 2 * links * 4
    return n * (4 * dimension + graph)
    # END SOLUTION


# %%
check.storage_bytes(storage_bytes)

# %% [markdown]
# **Your arithmetic at work.** Does it match what FAISS holds? Measured bytes over predicted bytes:


# %%
def library_bytes(n, dimension, links=None):
    """The same, from what arrays that hold one vector and its links say of themselves."""
    arrays = np.zeros(dimension, dtype=np.float32), np.zeros((2, links or 0), dtype=np.int32)
    return n * sum(array.nbytes for array in arrays)


weigh = check.storage_bytes.choose(storage_bytes, library_bytes)
for (name, count), graph in graphs.items():
    share = graph.nbytes / float(weigh(count, 384, 32))
    print(f"{name:<6} {count:>7,} vectors: {share:.3f} of predicted")

# %% [markdown]
# Within about a hundredth. Of the 16 bytes per vector that are missing, about 4 are the links of the upper
# layers and 12 are FAISS's bookkeeping, an offset of 8 bytes and a level of 4. From the fifty documents of a course to ten
# million, in MiB:

# %% tags=["nbval-check-output"]
for n in (50, 1_000, 100_000, 10_000_000):
    flat_mib, hnsw_mib = (float(weigh(n, 384, links)) / 2**20 for links in (None, 32))
    print(f"{n:>10,} vectors: flat {flat_mib:>10,.3f} MiB   HNSW {hnsw_mib:>10,.3f} MiB")

# %% [markdown]
# **Product quantisation** (Jégou et al. 2011) makes the vectors themselves smaller: cut each into 48
# pieces of 8 dimensions and replace each piece by the number of the nearest of 256 learnt prototypes.
# One byte per piece, 48 bytes instead of 1,536, and scores that are only approximate. The table of
# prototypes, its codebook, $256 \times 384 \times 4$ bytes, is shared by all.

# %%
counts = np.geomspace(50, 1e7, 12)
per_vector = {"HNSW, M = 32": 1536 + 256, "flat, fp32": 1536, "product quantisation, 48 bytes": 48}
plots.show(
    plots.storage_lines(counts, {name: counts * size / 2**20 for name, size in per_vector.items()}),
    alt="Memory against the number of vectors, both on log axes: three parallel lines. HNSW lies "
    "just above flat, product quantisation far below; at 10 million, flat and HNSW are at the "
    "dotted line of a laptop of 16 GiB.",
)

# %% [markdown]
# *In words.* Three parallel lines: memory grows in proportion to $n$ for all. HNSW lies a sixth above
# flat, quantised codes at one thirty-second of it. At 10 million, flat all but fills a laptop of 16 GiB and
# HNSW exceeds it; the codes take less than half a GiB.

# %% [markdown]
# ## 10 · Drills
#
# Put each answer in its variable. Numbers, choices and constructions are checked at once, part by part;
# text is kept for a person to read (20 words or more).
#
# > 🇪🇸 **Resumen.** Cinco cuestiones. Los números, las elecciones y las construcciones se comprueban al
# > momento, parte por parte; el texto lo lee una persona. Puedes responder en español, también con las unidades
# > (`"10 ventanas"`) y la coma decimal (`"2,5 GiB"`).
#
# **Drill 1.** Twenty million vectors of 512 dimensions in fp32. How many GiB does a flat index take, and
# how many an HNSW index with $M = 48$? Answer `(flat, hnsw)`, each to one decimal.

# %%
# BEGIN SOLUTION: drill_02_1 = None
drill_02_1 = (38.1, 45.3)
# END SOLUTION
drills.check("02_1", drill_02_1)

# %% [markdown]
# **Drill 2.** A text of 1230 tokens is cut into sliding windows of 160 tokens with an overlap of 60. How
# many windows are there, and how many tokens does the encoder read in all, without special tokens? Answer
# `(windows, tokens)`.

# %%
# BEGIN SOLUTION: drill_02_2 = None
drill_02_2 = (12, 1230 + 11 * 60)
# END SOLUTION
drills.check("02_2", drill_02_2)

# %% [markdown]
# **Drill 3.** Construct a query and three documents in two dimensions, not all of length 1, such
# that the first document comes first by inner product, the second by L2 distance, and the third by
# cosine. Answer `(query, [first, second, third])`, each a pair of numbers.

# %%
# BEGIN SOLUTION: drill_02_3 = None
drill_02_3 = ((1, 0), [(3, 3), (0.9, 0.3), (0.2, 0.01)])
# END SOLUTION
drills.check("02_3", drill_02_3)

# %% [markdown]
# **Drill 4.** With exact search 85% of the questions have their answer among the first ten. You switch
# to an HNSW index whose recall@10 against flat is 60%. Assume that each true neighbour is lost with the
# same chance, whether or not it is the answer. What hit_rate@10 do you expect, to two decimals? And which of
# the two settings, `"efSearch"` or `"M"`, can you change without building the index again, and what will it
# cost? Answer `(hit_rate, setting, reason)`.

# %%
# BEGIN SOLUTION: drill_02_4 = None
drill_02_4 = (
    0.51,
    "efSearch",
    """efSearch is the width of the beam while searching, so it can be raised for the next query and
    costs latency alone, about in proportion. M is the number of links stored for each vector: it
    changes the graph, so the index must be built again, and it takes 8 bytes more a vector for each
    unit of M (two links).""",
)
# END SOLUTION
drills.check("02_4", drill_02_4)

# %% [markdown]
# **Drill 5.** What do fifty documents hide that ten million show? Name at least three things: think of
# time, memory, recall, near-duplicates, updates.

# %%
# BEGIN SOLUTION: drill_02_5 = ""
drill_02_5 = """
With fifty documents flat search is instant and exact, the vectors weigh less than a photograph, and
the right one cannot fall far because there is nowhere to fall. With ten million, exact search takes
about a second a query, the vectors fill the memory of a laptop, an approximate index loses neighbours
and must be measured against flat, thousands of near-duplicates may compete for ten places, and changing
the encoder means computing every vector again.
"""
# END SOLUTION
drills.check("02_5", drill_02_5)

# %% [markdown]
# ## What to take away
#
# - Cut so that answers stay whole. The ceiling says, before any search, what a cut makes impossible.
# - Label answers by character spans, and one set of labels judges every cut.
# - The overlap follows the answers, not the window.
# - Say what you hold constant when you compare chunk sizes: the number of chunks or the number of
#   words. On few questions the best of many candidates is partly luck; ask beforehand what they could show.
# - Flat search is a matrix product: exact, and linear in $n$. Inner product, L2 and cosine agree on
#   unit vectors, and on nothing else.
# - A graph trades recall for time, and how much depends on the data. Report recall against flat, on your
#   vectors, and look at the questions that lost most.
# - $4d$ bytes per vector, $4d + 8M$ with a graph: do the arithmetic before you build.
#
# **Next:** lab 03, reranking and evaluation: what a model sees when it reads question and document
# together, and how to tell whether that helped.

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
