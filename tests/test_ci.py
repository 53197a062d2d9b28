"""`.ci/run` goes on to the tests whether or not apt-get can install what is missing."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_APT_GET = """#!/bin/sh
echo "$DEBIAN_FRONTEND: $*"
echo "E: no such package" >&2
exit {code}
"""


@pytest.mark.parametrize("code", [0, 100])
def test_what_cannot_be_installed_is_told_and_stops_nothing(
    tmp_path: Path, code: int
) -> None:
    # A machine where nothing is installed and this user is root.
    for name in ("bash", "dirname", "tail"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    scripts = {
        "apt-get": _APT_GET.format(code=code),
        "id": "#!/bin/sh\necho 0\n",
        "make": "#!/bin/sh\necho make $*\n",
    }
    for name, text in scripts.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        ["bash", str(ROOT / ".ci" / "run")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    told = done.stdout.splitlines()
    assert told[-1] == "make test"
    if code:
        assert told[0].startswith("Not installed: chromium dicom3tools.")
        assert told[1:-1] == ["noninteractive: update -qq", "E: no such package"]
    else:
        assert len(told) == 1
