"""The cluster of a training with several processes."""

from __future__ import annotations

import dataclasses
import json
import os

import tensorflow as tf

from keras_wa.errors import UserError
from keras_wa.training.workers import SINGLE_PROCESS, Workers, ending_at_ctrl_c

_EXAMPLE = (
    'TF_CONFIG=\'{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}\''
)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a training, from the environment variable TF_CONFIG.

    Attributes:
        addresses: `host:port` of each worker; the first is the chief.
        index: index of this process in `addresses`.
    """

    addresses: tuple[str, ...]
    index: int

    @classmethod
    def from_environment(cls) -> Cluster:
        """Reads TF_CONFIG: `cluster` with `worker` (and `chief`), and `task`.

        Raises:
            UserError: it is missing or invalid; the message has an example.
        """
        text = os.environ.get("TF_CONFIG")
        if not text:
            raise _refused("not set")
        try:
            record = json.loads(text)
            cluster, task = record["cluster"], record["task"]
            kinds = [kind for kind in ("chief", "worker") if kind in cluster]
            members = [(kind, i) for kind in kinds for i in range(len(cluster[kind]))]
            addresses = [str(cluster[kind][i]) for kind, i in members]
            own = (task["type"], int(task["index"]))
        except (ValueError, KeyError, TypeError) as error:
            raise _refused(f"{text!r} ({type(error).__name__}: {error})") from error
        if own not in members:
            raise _refused(f"task {own[0]} {own[1]}, which is not in its cluster")
        for address in addresses:
            host, _, port = address.rpartition(":")
            if not host or not port.isdigit() or addresses.count(address) > 1:
                raise _refused(f"the address {address!r}")
        return cls(tuple(addresses), members.index(own))

    def join(self) -> Workers:
        """Connects to the other workers, and waits for all of them.

        Call it before TensorFlow initialises its devices.
        """
        if len(self.addresses) == 1:
            return SINGLE_PROCESS
        with ending_at_ctrl_c():
            engine = tf.distribute.MultiWorkerMirroredStrategy()
        return Workers(self.index, len(self.addresses), engine)


def _refused(received: str) -> UserError:
    return UserError(
        "`strategy='multi-worker'` needs the environment variable TF_CONFIG, in each "
        f"worker with its own index. Received: {received}; expected for example "
        f"{_EXAMPLE}"
    )
