#!/bin/sh
# Writes requirements.lock (tests and development) and deployments/docker/requirements.lock (the cluster image) from
# pyproject.toml: exact versions with hashes, the same for Python 3.11 and 3.12, without addresses, and the same in both
# files. A version already locked stays unless pyproject.toml no longer allows it; UPGRADE=1 takes the newest of everything.
set -eu
cd "$(dirname "$0")/../.."

command -v uv >/dev/null || {
    echo "lock: needs uv (pip install uv)" >&2
    exit 1
}

# The build backend comes too, so that set-up builds the project without fetching anything unlocked.
compile() {
    output=$1
    shift
    printf 'hatchling>=1.27\neditables>=0.5\n' | uv pip compile --quiet pyproject.toml - --universal --python-version 3.11 \
        --fork-strategy fewest --generate-hashes --only-binary :all: --no-emit-index-url --no-header --no-annotate \
        ${UPGRADE:+--upgrade} -o "$output" "$@"
}

# The image first: what its Google packages allow binds the other.
compile deployments/docker/requirements.lock --extra k8s --extra postgres --extra gcp
compile requirements.lock --extra dev --extra k8s --extra postgres -c deployments/docker/requirements.lock
grep -c '==' requirements.lock deployments/docker/requirements.lock
