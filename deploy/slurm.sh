#!/bin/bash
# Runs a command of keras-wa on the nodes of a Slurm job, which become a Ray cluster:
#
#   sbatch --nodes 4 --gpus-per-node 1 deploy/slurm.sh \
#       keras-wa compare --models resnet50,wa_resnet50 --out comparisons/two
#
# `keras_wa[cluster]` is on the PATH, and all nodes see the home folder and this one.
#SBATCH --job-name=keras-wa
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --time=24:00:00
# The end of the job stops all Ray processes of the user on its nodes.
#SBATCH --exclusive
# The same command continues the work.
#SBATCH --requeue
set -euo pipefail

# Ray runs the code of whoever has its token, which the nodes read in the home folder.
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
ray get-auth-token --generate > /dev/null

# Slurm runs this script on the first node.
head="$(hostname --all-ip-addresses | cut -d ' ' -f 1):6379"

# Starts Ray on every node, runs the command on the first one, and stops Ray.
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300
srun --cpu-bind=none ray symmetric-run \
    --address "$head" --min-nodes "$SLURM_JOB_NUM_NODES" -- "$@" --ray "$head"
