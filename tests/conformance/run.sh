#!/bin/sh
# Checks our datasets against the real LeRobot, in an environment of its own: .conformance/venv (Python 3.12, about 6 GB,
# made once and again when requirements.txt changes), and a LeRobot of the time of v2.1 beside it: .conformance/lerobot-v21.
# Arguments go to run.py: folders of datasets to check as well.
set -eu
cd "$(dirname "$0")/../.."

requirements=tests/conformance/requirements.txt
requirements_v21=tests/conformance/requirements-v21.txt
home=.conformance
fits='import sys; sys.exit(0 if (3, 12) <= sys.version_info[:2] < (3, 14) else 1)'

fail() {
    echo "conformance: $*" >&2
    exit 1
}

# A command may exist and yet not run (a version manager's shim), so each candidate is run, not only looked up.
find_python() {
    for candidate in ${PYTHON:-} python3.12 python3.13 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[23]*/bin/python; do
        if "$candidate" -c "$fits" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "LeRobot needs Python 3.12 or 3.13 and none was found. Install one, or name it: make conformance PYTHON=/path/to/python3.12"
}

if ! cmp -s "$requirements" "$home/installed.txt" || ! "$home/venv/bin/python" -c "$fits" 2>/dev/null; then
    python=$(find_python)
    echo "conformance: making $home/venv with $("$python" --version), 2.4 GB to fetch" >&2
    rm -rf "$home/venv" "$home/installed.txt"
    mkdir -p "$home"
    if command -v uv >/dev/null; then
        uv venv --quiet --python "$python" "$home/venv"
        uv pip install --quiet --python "$home/venv/bin/python" -r "$requirements"
    else
        "$python" -m venv "$home/venv"
        "$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
    fi
    cp "$requirements" "$home/installed.txt"
fi
if ! cmp -s "$requirements_v21" "$home/installed-v21.txt" || [ ! -d "$home/lerobot-v21" ]; then
    rm -rf "$home/lerobot-v21.new"
    if command -v uv >/dev/null; then
        uv pip install --quiet --python "$home/venv/bin/python" --no-deps --target "$home/lerobot-v21.new" -r "$requirements_v21"
    else
        "$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
            --target "$home/lerobot-v21.new" -r "$requirements_v21"
    fi
    rm -rf "$home/lerobot-v21"
    mv "$home/lerobot-v21.new" "$home/lerobot-v21"
    cp "$requirements_v21" "$home/installed-v21.txt"
fi
exec .venv/bin/python tests/conformance/run.py --lerobot "$home/venv" "$@"
