"""`deploy/slurm.sh`: a command on two nodes, which are namespaces of this machine.

There is no Slurm. `srun` of these tests runs its command on both nodes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT
from tests.waiting import DEADLINE_S

SCRIPT = ROOT / "deploy" / "slurm.sh"
BIN = Path(sys.executable).parent

# Each node has processes and sessions of Ray of its own; the second, a network too.
_NODES = r"""
start() {
    unshare --mount --pid --fork --kill-child --mount-proc "$@" \
        sh -c 'while sleep 1; do :; done' &
    until pid=$(pgrep -P $!); do sleep 0.1; done
    node="nsenter --target $pid --mount --net --pid"
    until $node pgrep -x sleep > /dev/null; do sleep 0.1; done
    $node sh -ec 'mkdir -p /tmp/ray; mount -t tmpfs tmpfs /tmp/ray; ip link set lo up'
}
start
export FIRST="$node"
start --net
export SECOND="$node"
ip link add name left type veth peer name right netns "$pid"
ip address add 10.9.0.1/24 dev left
ip link set left up
$SECOND sh -ec 'ip address add 10.9.0.2/24 dev right; ip link set right up'
exec "$@"
"""

_SRUN = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
# Without its head it ends after this time, and not after a minute.
$SECOND env RAY_gcs_rpc_server_reconnect_timeout_s=5 "$@" &
$FIRST "$@"
code=$?
wait
exit $code
"""

# Runs on the first node, and a task on each.
_COMMAND = """
import sys
import ray

flag, address = sys.argv[1:]
ray.init(address, log_to_driver=False)

@ray.remote(num_cpus=1)
def where():
    return ray.util.get_node_ip_address()

nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
on = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
tasks = [where.options(scheduling_strategy=on(node, soft=False)) for node in nodes]
print("ran", flag, address, *sorted(ray.get([task.remote() for task in tasks])))
sys.exit(3)
"""


def test_the_script_has_no_mistake_that_shellcheck_finds() -> None:
    done = subprocess.run([BIN / "shellcheck", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.namespaces
def test_a_command_runs_on_all_nodes_and_its_exit_code_is_the_jobs(
    tmp_path: Path,
) -> None:
    apart = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child")
    programs = map(shutil.which, ("unshare", "nsenter", "ip", "pgrep"))
    if not all(programs) or subprocess.run([*apart, "true"], check=False).returncode:
        pytest.skip("ROOT AND NAMESPACES MISSING for two nodes on this machine")
    srun = tmp_path / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text(_SRUN)
    srun.chmod(0o755)
    (tmp_path / "command.py").write_text(_COMMAND)
    nodes = ("--mount-proc", "sh", "-ec", _NODES, "sh")
    command = ("bash", SCRIPT, "python", tmp_path / "command.py")
    done = subprocess.run(
        [*apart, *nodes, *command],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        env={
            **os.environ,
            "PATH": f"{srun.parent}:{BIN}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "SLURM_JOB_NUM_NODES": "2",
        },
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert "ran --ray 10.9.0.1:6379 10.9.0.1 10.9.0.2\n" in done.stdout
    assert (tmp_path / ".ray" / "auth_token").read_text()
