#!/bin/sh
# Fetches what the build and the tests of its pages need of node (package-lock.json).
set -eu
cd "$(dirname "$0")/.."
case "$(npm --version 2>/dev/null)" in
  "" | [1-6].*) .venv/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements-node.lock ;;
esac # with .venv/bin first on PATH, npm and node are now those of the wheel
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
touch node_modules/mathjax/package.json # make takes this file as the sign that all is there
