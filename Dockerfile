# syntax=docker/dockerfile:1
#
# CPU:    docker build --target cpu -t keras-wa:cpu .
# GPU:    docker build --target gpu -t keras-wa:gpu .
# On a Ray cluster: docker build --target cluster -t keras-wa:cluster .
# Served: docker build --target serve -t keras-wa:serve .
#
# Train on what is under ./data, or on the phantom where there is nothing:
#   docker run --rm -v "$PWD/data:/app/data:ro" -v "$PWD/runs:/app/runs" keras-wa:cpu
# The GPU image needs the NVIDIA container toolkit and `docker run --gpus all`.
# The user inside has uid 1000; where yours differs, add `--user "$(id -u):$(id -g)"`.
# Other commands: docker run --rm --entrypoint keras-wa keras-wa:cpu --help
#
# Serve a run to whoever knows the token (docs/serving.md says who is trusted with what):
#   export KERAS_WA_TOKEN=$(openssl rand -hex 32)
#   docker run --rm --init --read-only --tmpfs /tmp --cap-drop ALL \
#       --security-opt no-new-privileges --memory 7g --pids-limit 512 \
#       -e KERAS_WA_TOKEN -p 127.0.0.1:8501:8501 -v "$PWD/runs/NAME:/model:ro" \
#       keras-wa:serve
# 6 GB are what the default limits can take (docs/serving.md adds them up).
# Flags of `keras-wa serve` follow the model: `keras-wa:serve /model --batch 8`.
#
# tests/test_dockerfile.py carries out every RUN line, without an engine.

FROM python:3.12-slim AS base

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    MPLCONFIGDIR=/tmp/matplotlib

WORKDIR /app
RUN useradd --uid 1000 --create-home keras

# Just what names the dependencies, so that their layer outlives a change of the source.
# The install is editable: the source that is copied later is what runs.
COPY pyproject.toml setup.cfg LICENSE ./
COPY keras_wa/__init__.py keras_wa/__init__.py


FROM base AS serve
RUN --mount=type=cache,target=/root/.cache/pip pip install --editable ".[serve]"
COPY . .
# As a number: Kubernetes' `runAsNonRoot` knows no names.
USER 1000
EXPOSE 8501
STOPSIGNAL SIGTERM
# A large model takes a while to load. No curl in a slim image; Python is there.
HEALTHCHECK --interval=30s --timeout=5s --start-period=2m --retries=3 \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8501/health', timeout=4)"]
# Reachable from outside the container, so it does not start without KERAS_WA_TOKEN.
ENTRYPOINT ["keras-wa", "serve", "--host", "0.0.0.0"]
CMD ["/model"]


FROM base AS train
RUN install --directory --owner=keras --group=keras data runs
VOLUME ["/app/data", "/app/runs"]
ENTRYPOINT ["python", "train.py"]


FROM train AS gpu
RUN --mount=type=cache,target=/root/.cache/pip pip install --editable ".[gpu]"
COPY . .
USER 1000


# KubeRay starts Ray in place of the entry point (deploy/kuberay.yaml).
FROM gpu AS cluster
USER root
RUN --mount=type=cache,target=/root/.cache/pip pip install --editable ".[cluster,gpu]"
USER 1000


# The last one is what `docker build .` builds.
FROM train AS cpu
RUN --mount=type=cache,target=/root/.cache/pip pip install --editable .
COPY . .
USER 1000
