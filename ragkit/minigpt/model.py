"""MiniGPT: a decoder-only transformer in plain torch, to be read in one sitting.

The shape is GPT-2's (Radford et al. 2019): pre-norm blocks of causal self-attention and a two-layer
MLP, learned positions, and an output layer that shares the token table (weight tying, Press & Wolf
2017) unless the config says otherwise. B is the batch, T the tokens, d the width, V the vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class MiniGPTConfig:
    """Sizes of a MiniGPT; `tied` says whether its output layer is the token table."""

    vocabulary: int = 1000
    context: int = 128
    width: int = 64
    layers: int = 3
    heads: int = 4
    dropout: float = 0.1
    tied: bool = True


class CausalSelfAttention(nn.Module):
    """Each token looks at itself and the tokens before it (Vaswani et al. 2017, section 3.2)."""

    def __init__(self, config: MiniGPTConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.dropout = config.dropout
        self.project_in = nn.Linear(config.width, 3 * config.width)
        self.project_out = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """Mix float [B, T, d] along T, never from the future."""
        B, T, d = x.shape
        q, k, v = (
            part.view(B, T, self.heads, d // self.heads).transpose(1, 2)  # [B, heads, T, d/heads]
            for part in self.project_in(x).chunk(3, dim=-1)
        )
        scores = q @ k.transpose(-2, -1) / (d // self.heads) ** 0.5  # [B, heads, T, T]
        future = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(1)
        weights = scores.masked_fill(future, float("-inf")).softmax(dim=-1)
        weights = functional.dropout(weights, self.dropout, self.training)
        mixed = (weights @ v).transpose(1, 2).reshape(B, T, d)  # [B, T, d]
        projected: Tensor = self.project_out(mixed)
        return projected


class Block(nn.Module):
    """Attention then MLP, each added to what came in."""

    def __init__(self, config: MiniGPTConfig) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(config.width)
        self.attention = CausalSelfAttention(config)
        self.norm_2 = nn.LayerNorm(config.width)
        self.mlp = nn.Sequential(
            nn.Linear(config.width, 4 * config.width),
            nn.GELU(),
            nn.Linear(4 * config.width, config.width),
            nn.Dropout(config.dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        """float [B, T, d] to float [B, T, d]."""
        x = x + self.attention(self.norm_1(x))
        y: Tensor = x + self.mlp(self.norm_2(x))
        return y


class MiniGPT(nn.Module):
    """Next-token model; `table` is the token embedding that `MiniGPTEncoder` mean-pools.

    Of the same seed, a tied and an untied model begin with the same weights, but for the untied
    one's `output`, and leave torch's generator in the same state.
    """

    def __init__(self, config: MiniGPTConfig) -> None:
        super().__init__()
        self.config = config
        self.table = nn.Embedding(config.vocabulary, config.width)
        self.positions = nn.Embedding(config.context, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.apply(_initialise)
        self.output = None if config.tied else _output_layer(config)

    def hidden(self, ids: Tensor) -> Tensor:
        """Last hidden states, float [B, T, d], of token ids int64 [B, T] with T <= context."""
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.dropout(self.table(ids) + self.positions(places))  # [B, T, d]
        for block in self.blocks:
            x = block(x)
        normed: Tensor = self.norm(x)
        return normed

    def forward(self, ids: Tensor) -> Tensor:
        """Logits of the next token, float [B, T, V]; tied, each is a product with a table row."""
        rows = self.table.weight if self.output is None else self.output.weight  # [V, d]
        return self.hidden(ids) @ rows.T

    def loss(self, ids: Tensor) -> Tensor:
        """Mean cross-entropy, in nats per token, of predicting ids[:, 1:] from what precedes."""
        logits = self(ids[:, :-1])  # [B, T-1, V]
        return functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())

    @property
    def parameter_count(self) -> int:
        """Number of trained numbers; the tied output layer counts once."""
        return sum(p.numel() for p in self.parameters())


def first_model(config: MiniGPTConfig, seed: int) -> MiniGPT:
    """The model that a training run with this seed begins with.

    It seeds torch's generator, which then goes on to draw the run's dropout.
    """
    torch.manual_seed(seed)
    return MiniGPT(config)


def _initialise(module: nn.Module) -> None:
    """Small normal weights, zero biases (GPT-2)."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


def _output_layer(config: MiniGPTConfig) -> nn.Linear:
    """An output layer of its own, drawn so that it changes no later draw."""
    with torch.random.fork_rng():
        layer = nn.Linear(config.width, config.vocabulary, bias=False)
        _initialise(layer)
    return layer
