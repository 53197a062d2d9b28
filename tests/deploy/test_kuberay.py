"""`deploy/kuberay.yaml`: its command, image and folders are those of this project."""

from __future__ import annotations

import shlex

import yaml

from keras_wa.cli.main import _parser
from keras_wa.evaluate.compare.systems import parse_systems
from tests.dockerfile import ROOT, stages

TEXT = (ROOT / "deploy" / "kuberay.yaml").read_text()
JOB = yaml.safe_load(TEXT)["spec"]
CLUSTER = JOB["rayClusterSpec"]
PODS = [
    group["template"]["spec"]
    for group in (CLUSTER["headGroupSpec"], *CLUSTER["workerGroupSpecs"])
]


def test_the_command_is_a_comparison_on_the_cluster_of_its_pod() -> None:
    program, *words, flag, address = shlex.split(JOB["entrypoint"])
    assert (program, flag, address) == ("keras-wa", "--ray", "auto")
    args = _parser().parse_args(words)
    assert args.command == "compare"
    assert len(parse_systems(args.models)) == 2
    # On the volume, which all pods see.
    mounts = PODS[0]["containers"][0]["volumeMounts"]
    folders = tuple(f"{each['mountPath']}/" for each in mounts)
    for path in (args.data_dir, args.store_dir, args.out):
        assert f"{path}/".startswith(folders)


def test_all_pods_have_one_image_and_the_volume() -> None:
    image, target = "REGISTRY/keras-wa:cluster", "--target cluster -t REGISTRY/"
    assert target in TEXT
    built = stages((ROOT / "Dockerfile").read_text())["cluster"]
    (volume,) = (each.words for each in built if each.word == "VOLUME")
    for pod in PODS:
        (container,) = pod["containers"]
        assert container["image"] == image
        assert [each["mountPath"] for each in container["volumeMounts"]] == volume
        assert pod["volumes"] == PODS[0]["volumes"]
        assert pod["securityContext"]["runAsUser"] == 1000
