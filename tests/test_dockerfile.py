"""Every RUN line of the Dockerfile is carried out, and what `serve` starts, serves.

There is no engine: `tests/dockerfile.py` says what stands in for one. The real installs
take minutes: `python -m benchmarks.container`.
"""

from __future__ import annotations

import configparser
import contextlib
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from keras_wa.cli import main
from tests.confined import AS_USER, confined, health_command
from tests.dockerfile import (
    OFFLINE,
    ROOT,
    VENV,
    Instruction,
    Tree,
    add_python,
    context,
    ignored,
    patterns_of,
    plain_tree,
    stages,
)
from tests.tiny_model import finished, float32, store_dir, tiny_model
from tests.waiting import DEADLINE_S

__all__ = ["finished", "float32", "store_dir", "tiny_model"]

STAGES = stages((ROOT / "Dockerfile").read_text(encoding="utf-8"))
EXTRAS = {"cpu": [], "gpu": ["gpu"], "cluster": ["cluster", "gpu"], "serve": ["serve"]}
TOKEN = "s3cret"

_ASK = """
import json, os, sys
from urllib.request import Request, urlopen

body = json.dumps({"instances": [[[12, 80] * 16, [200, 7] * 16] * 16]}).encode()
headers = {"Authorization": f"Bearer {os.environ['KERAS_WA_TOKEN']}"}
url = "http://127.0.0.1:8501/v1/models/wa:predict"
print(urlopen(Request(url, body, headers), timeout=300).read().decode())
"""


@contextlib.contextmanager
def built(target: str, place: Path) -> Iterator[Tree]:
    """A tree in which a target of the Dockerfile was carried out."""
    with plain_tree(place, **OFFLINE) as tree:
        add_python(tree, installed=True)
        tree.run_job(STAGES[target])
        tree.variables["HOME"] = "/home/keras"
        yield tree


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, finished: Path) -> Iterator[Tree]:
    """The target `serve`, and the SavedModel of a run under /model."""
    with built("serve", tmp_path_factory.mktemp("tree")) as tree:
        # A run would name its model, which is the tests' own.
        files = [each.name for each in (finished / "saved_model").iterdir()]
        tree.add(finished / "saved_model", files, "/model")
        yield tree


def check_build(tree: Tree) -> None:
    install = tree.outputs[-1]
    assert re.search("Successfully installed keras[-_]wa-", install)
    # As the image's user, with the source that was copied after the install.
    where = "import keras_wa.cli; print(keras_wa.cli.__file__)"
    ran = tree.run(*AS_USER, "python", "-c", where)
    assert ran.strip() == "/app/keras_wa/cli/__init__.py"
    assert tree.run(*AS_USER, "which", "keras-wa").strip() == f"{VENV}/bin/keras-wa"


@pytest.mark.namespaces
@pytest.mark.parametrize("target", ["cpu", "gpu", "cluster"])
def test_every_line_of_a_target_that_trains_runs(tmp_path: Path, target: str) -> None:
    with built(target, tmp_path) as tree:
        check_build(tree)
        folders = tree.settings["VOLUME"].words
        tree.run(*AS_USER, "touch", *(f"{folder}/x" for folder in folders))
        python, script = tree.settings["ENTRYPOINT"].words
        # All but its last line, since what it imports takes seconds.
        load = f"import runpy; print(runpy.run_path({script!r})['main'].__module__)"
        said = tree.run(*AS_USER, python, "-c", load, directory=tree.directory)
        assert said == "keras_wa.cli.main\n"


@pytest.mark.namespaces
def test_every_line_of_the_target_that_serves_runs(served: Tree) -> None:
    check_build(served)


@pytest.mark.namespaces
def test_the_container_serves_confined_is_healthy_and_stops(
    served: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(served.variables, "KERAS_WA_TOKEN", TOKEN)
    check = health_command(served.settings["HEALTHCHECK"])
    with confined(served) as (process, pid):
        status = Path(f"/proc/{pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines())
        assert fields["Uid"].split() == ["1000"] * 4
        assert int(fields["CapBnd"], 16) == int(fields["CapEff"], 16) == 0
        assert fields["NSpid"].split()[-1] == "1"
        refused = subprocess.run(
            served.entering("touch", "/model/x", beside=pid), capture_output=True
        )
        assert b"Read-only file system" in refused.stderr

        healthy = served.entering(*AS_USER, *check, beside=pid)
        assert subprocess.run(healthy, timeout=DEADLINE_S).returncode == 0
        ask = served.entering(*AS_USER, "python", "-c", _ASK, beside=pid)
        answer = subprocess.run(ask, capture_output=True, text=True, timeout=DEADLINE_S)
        assert sum(json.loads(answer.stdout)["predictions"][0]) == pytest.approx(1)

        number = getattr(signal, served.settings["STOPSIGNAL"].text)
        subprocess.run(["kill", f"-{int(number)}", str(pid)], check=True)
        assert process.wait(DEADLINE_S) == 0


@pytest.mark.namespaces
def test_the_health_check_fails_where_nobody_serves(served: Tree) -> None:
    check = health_command(served.settings["HEALTHCHECK"])
    alone = served.entering("unshare", "--net", *check)
    done = subprocess.run(alone, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 1
    assert "URLError" in done.stderr


def test_the_container_does_not_start_without_a_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {each.word: each for each in STAGES["serve"]}
    set_in_image = "".join(each.text for each in STAGES["serve"] if each.word == "ENV")
    assert "KERAS_WA_TOKEN" not in set_in_image
    monkeypatch.delenv("KERAS_WA_TOKEN", raising=False)
    program, *words = settings["ENTRYPOINT"].words + settings["CMD"].words
    assert program == "keras-wa"
    assert main(words) == 2
    assert "expected --token or KERAS_WA_TOKEN" in capsys.readouterr().err


def test_a_machine_without_namespaces_skips_loudly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # As on macOS: no such program.
    with (
        pytest.raises(pytest.skip.Exception, match=r"NAMESPACES MISSING.*unshare"),
        plain_tree(tmp_path),
    ):
        pass


@pytest.mark.namespaces
def test_links_of_this_machine_are_followed_inside_the_tree_alone(
    tmp_path: Path,
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("as it was")
    (tmp_path / "link").symlink_to(outside)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "kept").write_text("changed")
    (tmp_path / "place").mkdir()
    with plain_tree(tmp_path / "place") as tree:
        tree.add(tmp_path / "source", ["kept"], str(tmp_path / "link"))
        assert tree.run("cat", str(outside / "kept")) == "changed"
    assert (outside / "kept").read_text() == "as it was"


@pytest.mark.parametrize("target", EXTRAS)
def test_what_a_target_installs_is_what_the_tests_have(target: str) -> None:
    lines = [each.text for each in STAGES[target] if "pip install" in each.text]
    installed = re.findall(r'--editable "?\.(?:\[([\w,]+)\]")?$', lines[-1])
    assert installed == [",".join(EXTRAS[target])]
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = config["options.extras_require"]
    lines = config["options"]["install_requires"].splitlines()
    for extra in EXTRAS[target]:
        lines += extras[extra].splitlines()
    # Of each package the version that the lines ask for is there, extras included.
    wanted = [Requirement(line) for line in lines if line and line[0] != "#"]
    assert len(wanted) > 10
    for each in wanted:
        if each.marker is None or each.marker.evaluate():
            there = metadata.distribution(each.name)
            assert each.specifier.contains(there.version, prereleases=True), each
            provided = there.metadata.get_all("Provides-Extra") or []
            assert each.extras <= set(provided), each


def test_the_default_is_the_cpu_target_and_nobody_is_root() -> None:
    assert list(STAGES)[-1] == "cpu"
    for target in EXTRAS:
        users = [each.text for each in STAGES[target] if each.word == "USER"]
        assert users[-1:] == ["1000"], "not root"
    assert "VOLUME" not in {each.word for each in STAGES["serve"]}


def test_only_what_is_named_is_copied(tmp_path: Path) -> None:
    wanted = ["configs/a.toml", "keras_wa/cli/main.py", "setup.cfg", "train.py"]
    # Pictures of patients that a command wrote, and what tools leave.
    left = ["seen/p.png", "results.csv", "data/p/1.dcm", "runs/a/x", ".git/config"]
    left += [".env", ".hypothesis/x", "tests/keras_wa/x.py", "docs/train.py"]
    left += ["keras_wa/cli/__pycache__/main.pyc", "keras_wa/.cache/x", "train.py.bak"]
    for name in (*wanted, *left):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert context(tmp_path, patterns_of(ROOT / ".dockerignore")) == wanted


def test_what_git_ignores_is_in_no_image() -> None:
    docker = patterns_of(ROOT / ".dockerignore")
    for pattern in patterns_of(ROOT / ".gitignore"):
        name = pattern.strip("/").replace("*", "x")
        assert ignored(name, docker), f"{pattern} of .gitignore is not left out"


def test_what_is_left_out_is_looked_into_where_a_pattern_lets_in(
    tmp_path: Path,
) -> None:
    for name in ("a/b/c", "a/d", "e/f"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert context(tmp_path, ["*", "!a/b"]) == ["a/b/c"]


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        ("tests", "tests/a/b.py", True),
        ("tests", "keras_wa/tests", False),
        ("**/__pycache__", "__pycache__", True),
        ("**/__pycache__", "keras_wa/cli/__pycache__/x.pyc", True),
        ("**/*.partial", "a/b.partial", True),
        (".*_cache", ".mypy_cache/x", True),
        (".*_cache", "a/.mypy_cache", False),
        ("data", "database", False),
        ("docs?", "docs/a", False),
        ("* !a", "a/b", False),
        ("* !a", ".b", True),
        ("* !a **/c", "a/b/c", True),
        ("!a *", "a", True),
    ],
)
def test_patterns_are_understood_as_documented(
    patterns: str, path: str, expected: bool
) -> None:
    # https://docs.docker.com/build/concepts/context/#dockerignore-files
    assert ignored(path, patterns.split()) is expected


def test_a_stage_is_read_with_the_one_below_it() -> None:
    text = "# x\nFROM python AS a\nENV A=1 \\\n    B=2\n\nFROM a AS b\nRUN x \\\n  y\n"
    expected = [Instruction("ENV", "A=1 B=2"), Instruction("RUN", "x y")]
    assert stages(text) == {"a": expected[:1], "b": expected}
    assert expected[0].words == ["A=1", "B=2"]
