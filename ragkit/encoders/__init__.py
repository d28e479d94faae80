"""Encoders: text in, unit vectors out."""

from ragkit.encoders.base import Encoder
from ragkit.encoders.minigpt import MiniGPTEncoder
from ragkit.encoders.minilm import MiniLMEncoder

__all__ = ["Encoder", "MiniGPTEncoder", "MiniLMEncoder"]
