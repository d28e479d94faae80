"""Linux namespaces for the sandbox: its own processes, its own view of the files, no network.

User, mount, process, network and IPC namespaces (man 7 namespaces) need no rights beyond those of
an ordinary user, if the system allows them. Inside, every file system is read-only except for new
ones of limited size in memory, hidden folders are covered by empty ones, and no capability is left.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

_NEW = 0x10000000 | 0x20000 | 0x20000000 | 0x40000000 | 0x08000000  # user, mount, pid, net, ipc
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _NOATIME = 1, 2, 4, 8, 1024
_NODIRATIME, _RELATIME = 2048, 1 << 21
_REMOUNT, _BIND, _REC, _PRIVATE = 32, 4096, 16384, 1 << 18
_FLAGS = {
    "nosuid": _NOSUID,
    "nodev": _NODEV,
    "noexec": _NOEXEC,
    "noatime": _NOATIME,
    "nodiratime": _NODIRATIME,
    "relatime": _RELATIME,
}
_DEVICES = ("null", "zero", "full", "random", "urandom")
_PR_SET_DUMPABLE = 4
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 24, 38
_KEYCTL, _JOIN_SESSION_KEYRING = {"x86_64": 250, "aarch64": 219}, 1
_CAPABILITY_VERSION_3 = 0x20080522
_SIGKILL = 9


def enter_namespaces() -> None:
    """Leave the parent's namespaces; the next fork is process 1 of the new one. May raise OSError.

    Must be called while the process has a single thread.
    """
    user, group = os.getuid(), os.getgid()
    _call("unshare", _NEW)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    Path("/proc/sys/kernel/shmmni").write_text("0")  # shared memory that no limit counts
    if os.uname().machine in _KEYCTL:  # a keyring of its own, not that of the session
        _libc.syscall(_KEYCTL[os.uname().machine], _JOIN_SESSION_KEYRING, None)


def shut_in(work: str, hidden: Sequence[str], visible: Sequence[str], bytes_free: int) -> None:
    """As process 1: cover `hidden` but not `visible`; only `work` and /tmp stay writable."""
    _mount(None, "/", None, _REC | _PRIVATE)
    _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    for place, flags in _mounted():
        _mount(None, place, None, _REMOUNT | _BIND | _RDONLY | flags)
    _replace_devices()
    for folder in _outermost([*hidden, "/run"]):  # sockets of other programs lie in /run
        _cover(folder, [path for path in visible if Path(path).is_relative_to(folder)])
    for folder in (work, "/tmp", "/dev/shm"):  # the sandbox's own, empty
        if os.path.isdir(folder) and not _holds(folder, visible):
            _mount("tmpfs", folder, "tmpfs", _NOSUID | _NODEV, f"size={bytes_free},nr_inodes=4096")
    _drop_rights()


def _replace_devices() -> None:
    """Put a /dev in place with the devices that any program may need: no terminal, no disk."""
    held = {name: os.open(f"/dev/{name}", os.O_PATH) for name in _DEVICES}
    _mount("tmpfs", "/dev", "tmpfs", _NOSUID, "size=1m")
    for name, handle in held.items():
        Path("/dev", name).touch()
        _mount(f"/proc/self/fd/{handle}", f"/dev/{name}", None, _BIND)
        os.close(handle)
    os.mkdir("/dev/shm")
    os.symlink("/proc/self/fd", "/dev/fd")
    _mount(None, "/dev", None, _REMOUNT | _BIND | _RDONLY | _NOSUID)


def _cover(folder: str, visible: Sequence[str]) -> None:
    """Mount an empty, read-only file system on `folder`, and put `visible` back in place."""
    handles = [(path, os.open(path, os.O_PATH)) for path in _outermost(visible)]
    _mount("tmpfs", folder, "tmpfs", _NOSUID | _NODEV, "size=1m")
    for path, handle in handles:
        os.makedirs(path, exist_ok=True)
        _mount(f"/proc/self/fd/{handle}", path, None, _BIND | _REC)
        os.close(handle)
    _mount(None, folder, None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)


def _outermost(folders: Sequence[str]) -> list[str]:
    """The folders without those that lie inside another one."""
    unique = sorted({os.path.realpath(folder) for folder in folders if os.path.isdir(folder)})
    return [f for f in unique if not any(f != g and Path(f).is_relative_to(g) for g in unique)]


def _holds(folder: str, visible: Sequence[str]) -> bool:
    return any(Path(path).is_relative_to(folder) for path in visible)


def _mounted() -> list[tuple[str, int]]:
    """Every mount point with the flags that a remount must repeat."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split(" ")
        place = fields[4].encode().decode("unicode_escape").encode("latin-1").decode()
        flags = 0
        for name in fields[5].split(","):
            flags |= _FLAGS.get(name, 0)
        found.append((place, flags))
    return found


def _drop_rights() -> None:
    """Give up every capability for good, and die with the parent."""
    for capability in range(64):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails past the last one
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)())
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    set_dumpable(False)  # so that no submission traces process 1
    _call("prctl", _PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def set_dumpable(allowed: bool) -> None:
    """Whether processes of the same user may trace this one and read its /proc files."""
    _call("prctl", _PR_SET_DUMPABLE, int(allowed), 0, 0, 0)


_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    names = [text.encode() if text is not None else None for text in (source, target, kind)]
    try:
        _call("mount", *names, flags, data.encode() or None)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} ({target})") from None
