# Release builds pin the base by digest through this argument.
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

# --- what others wrote: it changes seldom, so it is a layer of its own, and an upgrade fetches the small one below -----
FROM ${PYTHON_IMAGE} AS packages
# EXTRAS=notify adds what `[notify]` sends messages with.
ARG EXTRAS=""
# Bytecode is compiled here because the root is read-only later: ccxt's import takes three times as long without it.
# It is not checked against the source, so that it holds whatever a copy does to the times of files.
ENV COMPILE="-m compileall -q -j 0 --invalidation-mode unchecked-hash"
WORKDIR /opt/hedger
COPY requirements*.lock /build/
RUN --mount=type=cache,target=/build/cache \
    python -m venv /opt/hedger \
    && bin/python -m pip install -q --disable-pip-version-check --no-compile --cache-dir /build/cache \
      --require-hashes -r "/build/requirements${EXTRAS:+-$EXTRAS}.lock" \
    && bin/python -m pip uninstall -q -y pip \
    && find bin -type f -delete \
    && find . -depth -type d \( -name test -o -name tests -o -name __pycache__ \) -exec rm -r {} + \
    && find . -type f \( -name '*.c' -o -name '*.h' -o -name '*.px[di]' -o -name '*.pyi' -o -name '*.pyx' \) -delete
# Of ccxt's hundred exchanges, each written three times, those that the hedger knows; and no loop that it does not run on.
RUN rm -r lib/python*/site-packages/uvloop* lib/python*/site-packages/ccxt/prediction \
    && find lib/python*/site-packages/ccxt -regextype posix-extended \
      -regex '.*/ccxt/((abstract|async_support|pro)/)?[a-z0-9]+\.py' \
      ! -regex '.*/(binance|bingx|bybit|deribit|mexc|okx|weex)\.py' -delete
# A few packages ship files that only other Pythons compile.
RUN bin/python ${COMPILE} -q lib || true

# --- what we wrote -----------------------------------------------------------------------------------------------------
FROM packages AS program
COPY hedger program/hedger
RUN bin/python ${COMPILE} program

# --- what is shipped ---------------------------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE}
# The base has no bytecode of the standard library: each start, and each health check, would compile it again.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
      -x '/(site-packages|test|tests|ensurepip|idlelib|lib2to3|pydoc_data|tkinter|turtledemo)/' \
      "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && install -d -m 0700 -o 10001 -g 10001 /state \
    && printf '#!/bin/sh\nexec /opt/hedger/bin/python -m hedger "$@"\n' > /usr/local/bin/hedger \
    && chmod 0755 /usr/local/bin/hedger
COPY --from=packages /opt/hedger /opt/hedger
COPY --from=program /opt/hedger/program /opt/hedger/program
ENV HEDGER_STATE_DIR=/state \
    PYTHONPATH=/opt/hedger/program \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1
# The number and not a name, so that a cluster can prove that it is not root.
USER 10001:10001
WORKDIR /state
VOLUME ["/state"]
# Metrics and health; the console.
EXPOSE 9108 9109
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["hedger", "healthcheck"]
ENTRYPOINT ["hedger"]
CMD ["paper"]
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="hedger" \
      org.opencontainers.image.description="Keeps a crypto portfolio's delta where its owner wants it, with post-only orders on futures." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
