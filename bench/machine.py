"""Describe the machine of the figures, in a few lines."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil


def describe() -> dict[str, str]:
    """Processor, memory, system, and the versions that matter."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{_system()}, Linux {platform.release()}",
        "Python": platform.python_version(),
        **{name: version(name) for name in ("celery", "psycopg", "SQLAlchemy", "cryptography")},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _system() -> str:
    return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
