#!/bin/sh
# Checks our RLDS folders against TensorFlow Datasets, in an environment of its own: .conformance/rlds (about 2 GB, made once
# and again when requirements-rlds.txt changes). Arguments go to rlds.py: the folder of an exported dataset to check as well.
set -eu
cd "$(dirname "$0")/../.."

requirements=tests/conformance/requirements-rlds.txt
home=.conformance

if ! cmp -s "$requirements" "$home/rlds.txt" || ! "$home/rlds/bin/python" -c '' 2>/dev/null; then
    echo "conformance-rlds: making $home/rlds, 0.4 GB to fetch" >&2
    rm -rf "$home/rlds" "$home/rlds.txt"
    mkdir -p "$home"
    if command -v uv >/dev/null; then
        uv venv --quiet --python .venv/bin/python "$home/rlds"
        uv pip install --quiet --python "$home/rlds/bin/python" -r "$requirements"
    else
        .venv/bin/python -m venv "$home/rlds"
        "$home/rlds/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
    fi
    cp "$requirements" "$home/rlds.txt"
fi
exec .venv/bin/python tests/conformance/rlds.py --tensorflow "$home/rlds" "$@"
