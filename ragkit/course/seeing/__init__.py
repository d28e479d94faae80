"""Seeing for oneself: pictures with sliders, and a box for one's own questions.

Each function here is called once by a lab. Where somebody sits at a notebook it shows sliders;
elsewhere, and in CI, the picture as it begins and what it says in words.
"""

from ragkit.course.seeing.asking import ask
from ragkit.course.seeing.chunking import windows
from ragkit.course.seeing.reranking import rerank_depth
from ragkit.course.seeing.resampling import bootstrap
from ragkit.course.seeing.softmax import temperature
from ragkit.course.seeing.whitening import shrinkage

__all__ = ["ask", "bootstrap", "rerank_depth", "shrinkage", "temperature", "windows"]
