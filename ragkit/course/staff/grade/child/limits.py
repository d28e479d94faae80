"""Limits on what one process of a submission may use."""

from __future__ import annotations

import resource


def limit(memory: int, seconds: int, file_size: int) -> None:
    """Bytes of address space, seconds of processor time, bytes of one file; no core dumps."""
    wanted = {
        "RLIMIT_AS": memory,
        "RLIMIT_CPU": seconds,
        "RLIMIT_FSIZE": file_size,
        "RLIMIT_CORE": 0,
    }
    for name, most in wanted.items():
        kind = getattr(resource, name)
        _, hard = resource.getrlimit(kind)
        ceiling = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(kind, (ceiling, ceiling))
        except (ValueError, OSError):  # macOS has no limit of the address space
            continue
