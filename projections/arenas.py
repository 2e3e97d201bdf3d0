"""How much memory a process keeps that it no longer uses."""

import ctypes
import os
import platform
from functools import cache

_M_ARENA_MAX = -8
"""The number of the setting, from glibc's malloc.h."""


@cache
def keep_few_arenas() -> None:
    """Let threads share what they allocate from. To be called before there are any.

    Folds run in threads of their own, which come and go with every stride, and glibc lets up to eight
    times as many arenas grow as there are cores, each with what it once held: catching up on two million
    events kept 640 MiB at the end instead of 320, and more with every stride. Other systems' allocators
    have no such setting and are left alone.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, max(2, os.cpu_count() or 2))
