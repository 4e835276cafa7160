#!/bin/sh
# Makes the virtual environment of this clone.
#
#   setup.sh venv     .venv with every locked package        (requirements.lock)
#   setup.sh project  this project into it, editable         (pyproject.toml)
#   setup.sh system   what rendering needs from the system   (EGL or OSMesa)
#
# Needs python3 (3.11 or 3.12) with pip. Every package comes as a wheel and is checked against its hash, so no
# compiler is needed. PYTHON names the interpreter to use; without it the first that fits is taken.
set -eu
cd "$(dirname "$0")/../.."

packages="libegl1 libgl1-mesa-dri libgl1 libgles2 libopengl0"
fits='import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 13) else 1)'

fail() {
    echo "setup: $*" >&2
    exit 1
}

# A command may exist and yet not run (a version manager's shim), so each candidate is run, not only looked up.
find_python() {
    found=""
    for candidate in ${PYTHON:-python3.12 python3.11 python3 python}; do
        version=$("$candidate" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue
        if "$candidate" -c "$fits"; then
            echo "$candidate"
            return
        fi
        found="$found $candidate=$version"
    done
    fail "no Python >=3.11,<3.13 (found:${found:- none}). Install Python 3.12 (Debian, Ubuntu: apt-get install python3 python3-pip)" \
        "or name one: make PYTHON=/path/to/python3.12 ..."
}

# The environment's own pip, or, where there is none (Debian without python3-venv, uv venv), the pip of the base Python.
pip() {
    if .venv/bin/python -m pip --version >/dev/null 2>&1; then
        .venv/bin/python -m pip --disable-pip-version-check "$@"
        return
    fi
    python=$(find_python) || exit 1
    "$python" -m pip --version >/dev/null 2>&1 ||
        fail "$python has no pip. Install it (Debian, Ubuntu: apt-get install python3-pip) or name another: make PYTHON=/path/to/python3.12 ..."
    "$python" -m pip --disable-pip-version-check --python .venv/bin/python "$@"
}

venv() {
    if ! .venv/bin/python -c "$fits" 2>/dev/null; then
        python=$(find_python) || exit 1
        echo "setup: .venv with $("$python" --version)"
        if "$python" -c 'import ensurepip' 2>/dev/null; then
            "$python" -m venv --clear .venv
        else
            "$python" -m venv --clear --without-pip .venv
        fi
    fi
    echo "setup: $(grep -c '^[a-z0-9].*==' requirements.lock) locked packages into .venv (about 2 GB; some minutes the first time)"
    # The lock is complete, so there is nothing to resolve: --no-deps.
    pip install --quiet --no-deps --require-hashes --only-binary :all: -r requirements.lock
}

project() {
    # The build backend is in the lock, so nothing unlocked is fetched to build the project.
    pip install --quiet --no-deps --no-build-isolation --editable .
    echo "setup: ready ($(.venv/bin/python --version), .venv/bin/blueprint)"
}

system() {
    if probe; then
        return
    fi
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "setup: installing Mesa: $packages"
        apt_get update
        # shellcheck disable=SC2086  # a list of package names
        apt_get install -y --no-install-recommends $packages
        probe || fail "rendering still does not work with $packages installed"
        return
    fi
    if command -v apt-get >/dev/null 2>&1; then
        fail "rendering needs Mesa. Run: sudo apt-get update && sudo apt-get install -y $packages"
    elif command -v dnf >/dev/null 2>&1; then
        fail "rendering needs Mesa. Run: sudo dnf install -y mesa-libEGL mesa-dri-drivers mesa-libGL libglvnd-opengl libglvnd-gles"
    fi
    fail "rendering needs Mesa: libEGL.so.1, libGL.so.1 and libOpenGL.so.0 with the llvmpipe driver, or libOSMesa.so.8." \
        "Install it with the package manager of this system"
}

probe() {
    .venv/bin/python deployments/local/rendering_probe.py
}

# Quiet unless it fails.
apt_get() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >.venv/apt.log 2>&1 || {
        cat .venv/apt.log >&2
        fail "apt-get $1 failed"
    }
}

case "${1:-}" in
venv | project | system) "$1" ;;
*) fail "usage: setup.sh venv | project | system" ;;
esac
