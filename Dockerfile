# Release builds pin the base by digest through this argument.
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS builder
WORKDIR /build
RUN python -m venv /opt/hedger
COPY requirements.lock ./
# Bytecode is compiled here because the root is read-only later: ccxt's import takes three times as long without it.
RUN /opt/hedger/bin/python -m pip install -q --no-cache-dir --disable-pip-version-check --no-compile \
      --require-hashes -r requirements.lock \
    && /opt/hedger/bin/python -m pip uninstall -q -y pip \
    && { /opt/hedger/bin/python -m compileall -qq -j 0 /opt/hedger/lib || true; }
COPY hedger ./hedger
RUN site="$(/opt/hedger/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
    && cp -r hedger "$site/" \
    && /opt/hedger/bin/python -m compileall -q "$site/hedger" \
    && install -d -m 0750 -o 10001 -g 10001 /build/state

FROM ${PYTHON_IMAGE}
ENV HEDGER_STATE_DIR=/state \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
COPY --from=builder /opt/hedger /opt/hedger
COPY --from=builder --chown=10001:10001 /build/state /state
USER 10001:10001
WORKDIR /state
VOLUME ["/state"]
EXPOSE 9108
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/opt/hedger/bin/python", "-m", "hedger", "healthcheck"]
ENTRYPOINT ["/opt/hedger/bin/python", "-m", "hedger"]
CMD ["paper"]
