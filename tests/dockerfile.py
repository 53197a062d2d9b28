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
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NoReturn

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
# What this needs of the machine, `setpriv` and `ip` in `tests/confined.py`.
_PROGRAMS = ("unshare", "nsenter", "useradd", "tar", "setpriv", "ip")
# Every change of the tree is made by a process inside: a link of the machine, as
# /app -> /srv/app, leads a process outside to the machine's own files.
_LEAVE_OUT_USERS = """
for name in passwd shadow group gshadow; do
    touch "/etc/$name"
    sed -i '/^root:/!d' "/etc/$name"
done
"""
# Run by the virtual environment's Python, which knows its own folders.
_SHOW_INSTALLED = """
import sys, sysconfig
from pathlib import Path

Path(sysconfig.get_path("purelib"), "installed.pth").write_text(sys.argv[1])
pip = Path(sys.prefix, "bin", "pip")
pip.write_text('#!/bin/sh\\nexec python -m pip "$@"\\n')
pip.chmod(0o755)
"""
# pip as it is, with what the tests have installed in place of what it would download.
# An isolated build would fetch setuptools; `make test` itself has installed that way.
# (pip takes this one's value the other way round: 0 is no isolation.)
OFFLINE = {
    "PIP_CONFIG_FILE": "/dev/null",
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",
    # CUDA would be gigabytes; of the rest a test of its own says that it is there.
    "PIP_NO_DEPS": "1",
}
# The tests themselves may run in a /venv.
VENV = "/venv-of-the-image"
_INSTALLED = "/installed-for-the-image"
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
    verdict = False
    for each in patterns:  # The last one that fits decides; `!` lets in again.
        if re.fullmatch(_expression(each.removeprefix("!")) + "(/.*)?", path):
            verdict = not each.startswith("!")
    return verdict


def context(root: Path, patterns: list[str]) -> list[str]:
    """The files below a folder that `COPY . .` copies, sorted."""
    found = []
    for folder, subfolders, names in os.walk(root):
        at = Path(folder).relative_to(root)
        # Not looked into, unless a pattern lets in something below.
        subfolders[:] = [
            name
            for name in subfolders
            if not ignored(str(at / name), patterns)
            or any(each.startswith(f"!{at / name}/") for each in patterns)
        ]
        files = [str(at / name) for name in names]
        found += [file for file in files if not ignored(file, patterns)]
    return sorted(found)


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

    def run(
        self, *command: str, directory: str = "/", stdin: IO[bytes] | None = None
    ) -> str:
        """Runs a command as root; what it prints. A failure is the test's."""
        done = subprocess.run(
            self.entering(*command, directory=directory),
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            pytest.fail(f"{shlex.join(command)}: {done.returncode}\n{done.stdout}")
        return done.stdout

    def add(self, folder: Path, names: list[str], target: str) -> None:
        """Copies files and folders of this machine into the tree, as root's.

        Args:
            folder: of this machine.
            names: what to copy, relative to it; they keep their names.
            target: a folder in the tree, made where there is none.
        """

        def owned(entry: tarfile.TarInfo) -> tarfile.TarInfo:
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            return entry

        with tempfile.TemporaryFile() as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                for name in names:
                    archive.add(folder / name, name, filter=owned)
            file.seek(0)
            self.run("mkdir", "-p", target)
            self.run("tar", "-xf", "-", directory=target, stdin=file)

    def run_job(self, instructions: list[Instruction]) -> None:
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
                self.run("mkdir", "-p", each.text)
            else:
                known = {"CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK"}
                assert each.word in known | {"STOPSIGNAL", "USER", "VOLUME"}
            self.settings[each.word] = each

    def _copy(self, words: list[str]) -> None:
        *sources, target = words
        patterns = patterns_of(ROOT / ".dockerignore")
        for source in sources:
            if source == ".":
                names, into = context(ROOT, patterns), target
            else:
                assert not ignored(source, patterns), f"{source} is not to be copied"
                # Other names than their own are not understood.
                assert target in (source, ".", "./"), f"not understood: {target}"
                names, into = [source], "."
            self.add(ROOT, names, os.path.join(self.directory, into))


@contextlib.contextmanager
def plain_tree(place: Path, **variables: str) -> Iterator[Tree]:
    """A tree as long as the context lasts; skips loudly where none can be made.

    Args:
        place: an empty directory of this machine.
        **variables: added to the environment of all that is run.
    """
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        _skip(f"{', '.join(missing)} not on the PATH")
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
                _skip(holder.stderr.read().strip())
            tree = Tree(holder.pid, variables)
            tree.run("sh", "-ec", _LEAVE_OUT_USERS)
            yield tree
        finally:
            holder.kill()


def _skip(why: str) -> NoReturn:
    pytest.skip(f"ROOT AND NAMESPACES MISSING for the Dockerfile: {why}")


def add_python(tree: Tree, *, installed: bool) -> None:
    """Puts a fresh virtual environment on the tree's PATH.

    Args:
        tree: where to.
        installed: with what this Python has installed, pip included, in sight, but
            without the package itself; otherwise with pip alone.
    """
    python = os.path.realpath(sys.executable)
    options = ["--without-pip"] if installed else []
    tree.run(python, "-m", "venv", "--clear", *options, VENV)
    if installed:
        # Wherever this machine has it: below /tmp it would be hidden.
        site = os.path.realpath(sysconfig.get_path("purelib"))
        tree.run("mkdir", "-p", _INSTALLED)
        tree.run("mount", "--bind", site, _INSTALLED)
        tree.run("chmod", "go+rx", _INSTALLED)
        tree.run(f"{VENV}/bin/python", "-c", _SHOW_INSTALLED, f"{_INSTALLED}\n")
    # The image's user may read Python itself.
    path = Path(os.path.realpath(sys.base_prefix))
    tree.run("chmod", "go+rx", str(path), *map(str, path.parents))
