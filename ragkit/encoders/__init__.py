"""Encoders: text in, unit vectors out."""

from ragkit.encoders.base import Encoder
from ragkit.encoders.bge import BGESmallEncoder
from ragkit.encoders.colbert import ColBERTBackbone
from ragkit.encoders.minigpt import MiniGPTEncoder
from ragkit.encoders.minilm import MiniLMEncoder

__all__ = ["BGESmallEncoder", "ColBERTBackbone", "Encoder", "MiniGPTEncoder", "MiniLMEncoder"]
