"""The card of a fine-tuned model: what it was made from, and how, in the hub's own format."""

from __future__ import annotations

import json
from datetime import date
from importlib.metadata import version

from ragkit.documents.kb import KnowledgeBase
from ragkit.finetuning.choice import CHOSEN_BY, Stop
from ragkit.finetuning.encoder import TrainableEncoder
from ragkit.finetuning.train import FineTuningPlan
from ragkit.weights.published import MINILM

_CARD = """---
base_model: {began_as}
library_name: sentence-transformers
pipeline_tag: sentence-similarity
{licence}---

# {name}

Fine-tuned by `ragkit finetune` on {today} on the split `{split}` of a knowledge base of {documents}
documents: {questions} judged questions, of which {held_out} were held out to choose the epoch.

| epoch | {metric} on the held-out questions |
|---|---|
{rows}

The weights are those of epoch {epoch}. The held-out questions chose it, so their score is
optimistic, and the questions that it was taught say nothing about it. Measure it on others.

| setting | value |
|---|---|
| loss | InfoNCE over the batch; no right answer is a negative |
| temperature | {plan.temperature} |
| optimiser | AdamW, rate {plan.rate}, weight decay {plan.weight_decay} |
| batch | {plan.batch} pairs of a question and its document |
| seed | {plan.seed} |
| torch | {torch} |
| sentence-transformers | {library} |

```python
import ragkit

encoder = ragkit.MiniLMEncoder(model="path/to/this/folder")
```
"""


def card(kb: KnowledgeBase, plan: FineTuningPlan, stop: Stop, encoder: TrainableEncoder) -> str:
    """The text of README.md for a model that was just trained."""
    published = encoder.began_as == MINILM.upstream  # of another model the licence is not known
    return _CARD.format(
        began_as=json.dumps(encoder.began_as),
        licence=f"license: {MINILM.licence.lower()}\n" if published else "",
        name=encoder.name,
        today=date.today().isoformat(),
        split=kb.split,
        documents=len(kb.documents),
        questions=len(kb.queries),
        held_out=stop.held_out,
        metric=CHOSEN_BY,
        rows="\n".join(f"| {epoch} | {value:.3f} |" for epoch, value in enumerate(stop.curve)),
        epoch=stop.epoch,
        plan=plan,
        torch=version("torch"),
        library=version("sentence-transformers"),
    )
