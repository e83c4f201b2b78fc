# Release builds pin the base by digest through this argument.
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS builder
WORKDIR /build
# Bytecode is compiled here because the root is read-only later: ccxt's import takes three times as long without it.
# It is not checked against the source, so that it holds whatever a copy does to the times of files.
ENV COMPILE="-m compileall -q -j 0 --invalidation-mode unchecked-hash"
RUN python -m venv /opt/hedger
COPY requirements.lock ./
# A few packages ship files that only other Pythons compile.
RUN /opt/hedger/bin/python -m pip install -q --no-cache-dir --disable-pip-version-check --no-compile \
      --require-hashes -r requirements.lock \
    && /opt/hedger/bin/python -m pip uninstall -q -y pip \
    && find /opt/hedger -depth -type d \( -name test -o -name tests -o -name __pycache__ \) -exec rm -r {} + \
    && find /opt/hedger/bin -type f -delete \
    && { /opt/hedger/bin/python ${COMPILE} -q /opt/hedger/lib || true; }
COPY hedger ./hedger
RUN site="$(/opt/hedger/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
    && cp -r hedger "$site/" \
    && /opt/hedger/bin/python ${COMPILE} "$site/hedger"

FROM ${PYTHON_IMAGE}
# The base image has no bytecode of the standard library: each start, and each health check, would compile it again.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
      -x '/(site-packages|test|tests|ensurepip|idlelib|lib2to3|pydoc_data|tkinter|turtledemo)/' \
      "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && install -d -m 0700 -o 10001 -g 10001 /state
ENV HEDGER_STATE_DIR=/state \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
COPY --from=builder /opt/hedger /opt/hedger
USER 10001:10001
WORKDIR /state
VOLUME ["/state"]
EXPOSE 9108
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["/opt/hedger/bin/python", "-m", "hedger", "healthcheck"]
ENTRYPOINT ["/opt/hedger/bin/python", "-m", "hedger"]
CMD ["paper"]
