# CUDA's runtime and no more of it: torch's wheels bring cuBLAS, cuDNN and NCCL themselves.
# Ubuntu 24.04 has Python 3.12. A V100 needs an image of CUDA 12.6 and torch's build for it:
# docs/setup.md says how.
ARG CUDA_IMAGE=nvidia/cuda:13.0.2-base-ubuntu24.04
FROM ${CUDA_IMAGE}

RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv tini \
    && rm -rf /var/lib/apt/lists/*

# The volumes' folders belong to the user before a volume is laid over them.
RUN useradd --create-home --uid 10001 hpo \
    && install --directory --owner=hpo --group=hpo /data /outputs /cache /gpus

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/cache/huggingface \
    WANDB_DIR=/outputs

# The dependencies come first: this layer is made anew only when the lock changes.
COPY requirements.lock /src/
ARG PIP_EXTRA_INDEX_URL=
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv /opt/venv \
    && pip install -r /src/requirements.lock

COPY pyproject.toml README.md LICENSE /src/
COPY config /src/config
COPY storage /src/storage
COPY trainer /src/trainer
COPY hpo /src/hpo
RUN pip install --no-deps --no-build-isolation --no-cache-dir /src
COPY --chmod=755 docker/one-gpu /usr/local/bin/one-gpu

# By number: Kubernetes' runAsNonRoot believes no name.
USER 10001:10001
WORKDIR /outputs
# The kernel keeps signals from process 1 until it has asked for them, a second after its start: tini has.
ENTRYPOINT ["tini", "--", "hpo"]
CMD ["--help"]
