# syntax=docker/dockerfile:1
#
# CPU:  docker build --target cpu -t keras-wa:cpu .
# GPU:  docker build --target gpu -t keras-wa:gpu .
#
# Train on what is under ./data, or on the phantom where there is nothing:
#   docker run --rm -v "$PWD/data:/app/data:ro" -v "$PWD/runs:/app/runs" keras-wa:cpu
# The GPU image needs the NVIDIA container toolkit and `docker run --gpus all`.
# The user inside has uid 1000; where yours differs, add `--user "$(id -u):$(id -g)"`.
# Other commands: docker run --rm --entrypoint keras-wa keras-wa:cpu --help

FROM python:3.12-slim AS base

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    MPLCONFIGDIR=/tmp/matplotlib

WORKDIR /app
RUN useradd --uid 1000 --create-home keras \
    && install --directory --owner=keras --group=keras data runs
VOLUME ["/app/data", "/app/runs"]

# Just what names the dependencies, so that their layer outlives a change of the source.
# The install is editable: the source that is copied later is what runs.
COPY pyproject.toml setup.cfg LICENSE ./
COPY keras_wa/__init__.py keras_wa/__init__.py

ENTRYPOINT ["python", "train.py"]


FROM base AS gpu
RUN --mount=type=cache,target=/root/.cache/pip pip install --editable ".[gpu]"
COPY . .
USER keras


FROM base AS cpu
RUN --mount=type=cache,target=/root/.cache/pip pip install --editable .
COPY . .
USER keras
