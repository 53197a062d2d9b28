"""Reads a Dockerfile, and carries it out without an engine.

Understood is what the Dockerfile of this project uses; anything else is an error.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# In a mount namespace of its own, so that nothing of it outlives the process or is
# seen by another. Changes go to memory; the machine's files lie under them.
_HOLD = """
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" tree "$1/root"
mount --rbind /proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
exec chroot "$1/root" sh -c 'echo ready; exec cat'
"""
# pip as it is, with what the tests have installed in place of what it would download.
# An isolated build would fetch setuptools; `make test` itself has installed that way.
# (pip takes this one's value the other way round: 0 is no isolation.)
OFFLINE = {
    "PIP_CONFIG_FILE": "/dev/null",
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",
}
VENV = "/venv"
PATH = f"{VENV}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One of a Dockerfile, as `RUN` with `pip install .`."""

    word: str
    text: str

    @property
    def words(self) -> list[str]:
        """The text in its parts, which may be written as JSON."""
        return json.loads(self.text) if self.text[0] == "[" else shlex.split(self.text)


def stages(text: str) -> dict[str, list[Instruction]]:
    """The instructions of each stage, after those of the stage that it is built on."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found: dict[str, list[Instruction]] = {}
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        word, rest = line.split(maxsplit=1)
        if word == "FROM":
            base, _, name = rest.split()
            found[name] = list(found.get(base, []))
        else:
            found[name].append(Instruction(word, " ".join(rest.split())))
    return found


def ignored(path: str, patterns: list[str]) -> bool:
    """Whether a `.dockerignore` with such patterns keeps a path from being copied."""
    return any(re.fullmatch(_expression(each) + "(/.*)?", path) for each in patterns)


def _expression(pattern: str) -> str:
    assert not re.search(r"[!\[\\]", pattern), f"not understood: {pattern}"
    parts = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    split = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.strip("/"))
    return "".join(parts.get(part, re.escape(part)) for part in split)


def patterns_of(file: Path) -> list[str]:
    """Of an ignore file, without its comments."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and line[0] != "#"]


class Tree:
    """This machine's files, users left out, and changes that nothing else sees.

    Attributes:
        outputs: what each RUN line has printed.
        settings: the last instruction of each kind, as ENTRYPOINT.
        variables: the environment of what is run.
    """

    def __init__(self, pid: int, variables: dict[str, str]) -> None:
        self._pid = pid
        self.outputs: list[str] = []
        self.settings: dict[str, Instruction] = {}
        self.variables = {"PATH": PATH, "HOME": "/root", **variables}

    def path(self, inside: str) -> Path:
        """A path in the tree, as this process finds it."""
        return Path(f"/proc/{self._pid}/root{inside}")

    @property
    def directory(self) -> str:
        return self.settings["WORKDIR"].text

    def entering(
        self, *command: str, directory: str = "/", beside: int | None = None
    ) -> list[str]:
        """A command line that runs another in the tree, with the tree's variables.

        Args:
            *command: the other.
            directory: where it runs.
            beside: a process whose network and mounts it shares.
        """
        enter = ["nsenter", "--target", str(beside or self._pid)]
        enter += ["--mount", "--root", "--wd", *([] if beside is None else ["--net"])]
        names = [f"{name}={value}" for name, value in self.variables.items()]
        change = ["sh", "-c", 'cd "$0" && exec "$@"', directory]
        return [*enter, "env", "-i", *names, *change, *command]

    def run(self, *command: str, directory: str = "/") -> str:
        """Runs a command as root; what it prints. A failure is the test's."""
        done = subprocess.run(
            self.entering(*command, directory=directory),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            pytest.fail(f"{shlex.join(command)}: {done.returncode}\n{done.stdout}")
        return done.stdout

    def carry_out(self, instructions: list[Instruction]) -> None:
        """Does what a build does, one instruction after the other."""
        for each in instructions:
            if each.word == "RUN":
                # A mounted cache makes it faster and changes nothing else.
                line = re.sub(r"^(--mount=\S+ )*", "", each.text)
                shell = ("/bin/sh", "-c", line)
                self.outputs.append(self.run(*shell, directory=self.directory))
            elif each.word == "COPY":
                self._copy(each.words)
            elif each.word == "ENV":
                self.variables |= dict(part.split("=", 1) for part in each.words)
            elif each.word == "WORKDIR":
                self.path(each.text).mkdir(parents=True, exist_ok=True)
            else:
                known = {"CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK"}
                assert each.word in known | {"STOPSIGNAL", "USER", "VOLUME"}
            self.settings[each.word] = each

    def _copy(self, words: list[str]) -> None:
        *sources, target = words
        patterns = patterns_of(ROOT / ".dockerignore")
        folder = self.path(self.directory)
        for source in sources:
            # As COPY has it: into a directory, or under the name that is given.
            into = target == "." or target.endswith("/")
            to = folder / target / (source if into else "")
            if source == ".":
                _copy_folder(ROOT, folder / target, patterns)
            else:
                assert not ignored(source, patterns), f"{source} is not to be copied"
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, to)


def _copy_folder(source: Path, target: Path, patterns: list[str]) -> None:
    def left_out(folder: str, names: list[str]) -> set[str]:
        at = Path(folder).relative_to(source)
        return {name for name in names if ignored(str(at / name), patterns)}

    shutil.copytree(source, target, ignore=left_out, dirs_exist_ok=True)


@contextlib.contextmanager
def plain_tree(place: Path, **variables: str) -> Iterator[Tree]:
    """A tree as long as the context lasts; skips loudly where none can be made.

    Args:
        place: an empty directory of this machine.
        **variables: added to the environment of all that is run.
    """
    holder = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", _HOLD, "sh", str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with holder:
        try:
            assert holder.stdout is not None
            assert holder.stderr is not None
            if holder.stdout.readline() != "ready\n":
                why = holder.stderr.read().strip()
                pytest.skip(f"ROOT AND NAMESPACES MISSING for the Dockerfile: {why}")
            tree = Tree(holder.pid, variables)
            _leave_out_users(tree)
            yield tree
        finally:
            holder.kill()


def _leave_out_users(tree: Tree) -> None:
    for name in ("passwd", "shadow", "group", "gshadow"):
        file = tree.path(f"/etc/{name}")
        lines = file.read_text().splitlines() if file.exists() else []
        kept = [line for line in lines if line.startswith("root:")]
        file.write_text("".join(f"{line}\n" for line in kept))


def add_python(tree: Tree, *, installed: bool) -> None:
    """Puts a fresh virtual environment on the tree's PATH.

    Args:
        tree: where to.
        installed: with what this Python has installed, pip included, in sight, but
            without the package itself; otherwise with pip alone.
    """
    python = os.path.realpath(sys.executable)
    options = ["--without-pip"] if installed else []
    tree.run(python, "-m", "venv", *options, VENV)
    site = sysconfig.get_path("purelib")
    if installed:
        own = tree.path(sysconfig.get_path("purelib", vars={"base": VENV}))
        (own / "installed.pth").write_text(f"{site}\n")
        pip = tree.path(f"{VENV}/bin/pip")
        pip.write_text('#!/bin/sh\nexec python -m pip "$@"\n')
        pip.chmod(0o755)
    # The image's user may read what is installed, wherever this machine has it.
    for path in (Path(sys.base_prefix), Path(site)):
        for folder in (path, *path.parents):
            inside = tree.path(str(folder))
            inside.chmod(inside.stat().st_mode | 0o055)
