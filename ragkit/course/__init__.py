"""The teaching side of ragkit: checks, drills, editions, the ledger. The core never imports it.

`ask(kb)` is the one public name of this package; it is fetched when it is first used.
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from ragkit.course.seeing.asking import ask as ask

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"seeing.asking": ["ask"]}
)
