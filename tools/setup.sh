#!/bin/sh
# Makes .venv exactly as requirements.lock says:  sh tools/setup.sh python3
set -eu
cd "$(dirname "$0")/.."
python=$1
asking='import sys; print("%d.%d" % sys.version_info[:2])'
fail() { echo "setup: $*" >&2; exit 1; }

version=$("$python" -c "$asking" 2>/dev/null) ||
  fail "cannot run '$python'. Install Python 3.11 or newer, or name one you have: make PYTHON=python3.12 book"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "'$python' is Python $version; 3.11 or newer is needed. Name one you have: make PYTHON=python3.12 book"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  fail "'$python' cannot make virtual environments. On Debian and Ubuntu: apt install python$version-venv"

rm -f .venv/ready
if [ "$(.venv/bin/python -c "import pip; $asking" 2>/dev/null)" != "$version" ]; then
  "$python" -m venv --clear .venv
fi
echo "Installing into .venv with Python $version (once; a minute or two)"
pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }
pip install --quiet --require-hashes -r requirements.lock
pip install --quiet --no-deps --no-build-isolation --editable .
.venv/bin/python -c 'import matplotlib.font_manager' # builds the font cache here, not as a message in a notebook
touch .venv/ready
