"""The shortest script that answers a question with sentence-transformers and FAISS.

Arguments: model folder, corpus.jsonl, question, and optionally an .npy file that keeps the vectors
of the documents. Prints the ids of the nearest five.
"""

import json
import sys
from pathlib import Path

import faiss
import numpy as np
from sentence_transformers import SentenceTransformer

folder, corpus, question, *kept = sys.argv[1:]
model = SentenceTransformer(folder, device="cpu")
documents = [json.loads(line) for line in Path(corpus).read_text(encoding="utf-8").splitlines()]
texts = [f"{document['title']} {document['text']}" for document in documents]
if kept and Path(kept[0]).exists():
    vectors = np.load(kept[0])
else:
    vectors = model.encode(texts, normalize_embeddings=True)
    if kept:
        np.save(kept[0], vectors)
index = faiss.IndexFlatIP(vectors.shape[1])
index.add(vectors)
_, rows = index.search(model.encode([question], normalize_embeddings=True), 5)
print(json.dumps([documents[row]["_id"] for row in rows[0]]))
