"""ragkit: a small retrieval library to learn from.

Importing it loads nothing heavy: the public names, listed in `__init__.pyi`, are fetched from their
modules the first time they are used. torch is imported only by what needs it, when that is used.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
