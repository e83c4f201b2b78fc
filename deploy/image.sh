#!/usr/bin/env bash
# Builds the hedger's image: with docker where a Docker engine answers, else with buildah, for podman.
#
#   deploy/image.sh [IMAGE]     build it (hedger:VERSION if no name is given) and print its name
#   deploy/image.sh --engine    print what runs containers here: docker or podman
#
# EXTRAS=notify adds what `[notify]` needs; PYTHON_IMAGE names another base.
# Where the base image cannot be fetched, one is made of Debian's packages and this machine's CPython: good enough to try
# the image, and labelled `stand-in`. It needs Debian 12, root, and mmdebstrap.
set -euo pipefail
cd "$(dirname "$0")/.."
export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}
python_image=${PYTHON_IMAGE:-python:3.12-slim-bookworm}

die() {
    echo "image.sh: $*" >&2
    exit 1
}

need() {
    command -v "$1" >/dev/null || die "$1 is missing: install the Debian package $2 (tests/packages.txt lists all)"
}

engine() {
    if docker info >/dev/null 2>&1; then
        echo docker
    else
        need podman podman
        echo podman
    fi
}

# Where its own Python is, the oldest that the base images have first.
own_python() {
    local version prefix
    for version in 3.12 3.13 3.11; do
        for prefix in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".* /usr/local; do
            if [ -x "$prefix/bin/python$version" ] && [ -d "$prefix/lib/python$version/ensurepip" ]; then
                echo "$version" "$prefix"
                return
            fi
        done
    done
    die "neither can $python_image be fetched, nor is there a Python 3.11 to 3.13 under pyenv or /usr/local to make one of"
}

sources() {
    # shellcheck disable=SC2016 # apt fills these in
    apt-get indextargets --format 'deb $(REPO_URI) $(CODENAME) $(COMPONENT)' \
        'Identifier: Packages' 'Origin: Debian' 'Codename: bookworm'
}

stand_in() {
    local found version prefix name container root shared
    found=$(own_python)
    read -r version prefix <<<"$found"
    name=localhost/python-stand-in:$version
    python_image=$name
    buildah inspect --type image "$name" >/dev/null 2>&1 && return
    need mmdebstrap mmdebstrap
    echo "The base image cannot be fetched: making one of Debian's packages and Python $version…" >&2
    container=$(buildah from scratch)
    root=$(buildah mount "$container")
    sources | mmdebstrap --quiet --mode=root --variant=essential --include="ca-certificates,netbase,tzdata,\
libbz2-1.0,libexpat1,libffi8,liblzma5,libncursesw6,libreadline8,libsqlite3-0,libssl3,libstdc++6,libuuid1,zlib1g" \
        bookworm "$root" - >&2
    mapfile -t shared < <(cd "$prefix" && find lib -maxdepth 1 -name 'libpython*')
    tar -C "$prefix" -c --exclude=__pycache__ --exclude=site-packages --exclude=test --exclude='*.a' \
        "bin/python$version" "lib/python$version" "${shared[@]}" |
        tar -C "$root/usr/local" -x --no-same-owner
    ln -s "python$version" "$root/usr/local/bin/python3"
    ln -s python3 "$root/usr/local/bin/python"
    mkdir "$root/usr/local/lib/python$version/site-packages"
    chroot "$root" ldconfig
    # Whom this machine trusts, so that pip reaches what it reaches here.
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$root/etc/pip.conf"
    buildah config --env PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin --env LANG=C.UTF-8 \
        --cmd python3 --label stand-in=true "$container"
    buildah commit -q --rm "$container" "$name" >&2
}

build() {
    local image=$1 arguments=(--build-arg "EXTRAS=${EXTRAS:-}" --build-arg "VERSION=$version"
        --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || true)")
    if [ "$(engine)" = docker ]; then
        DOCKER_BUILDKIT=1 docker build -q "${arguments[@]}" --build-arg "PYTHON_IMAGE=$python_image" -t "$image" . >&2
    else
        need buildah buildah
        buildah inspect --type image "$python_image" >/dev/null 2>&1 || buildah pull -q "$python_image" >/dev/null 2>&1 ||
            stand_in
        buildah bud -q --layers --pull-never --format docker --network host "${arguments[@]}" \
            --build-arg "PYTHON_IMAGE=$python_image" -t "$image" . >&2
    fi
    echo "$image"
}

if [ "${1:-}" = --engine ]; then
    engine
    exit
fi
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
# One at a time: the second finds everything made by the first.
exec 9>"${TMPDIR:-/tmp}/hedger-image.lock"
flock 9
build "${1:-hedger:$version}"
