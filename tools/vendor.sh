#!/bin/sh
# Fetches what pages need in a browser (package-lock.json) and puts it in assets/vendor.
set -eu
cd "$(dirname "$0")/.."
case "$(npm --version 2>/dev/null)" in
  "" | [1-6].*) .venv/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements-node.lock ;;
esac # with .venv/bin first on PATH, npm is now the one from the wheel
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

from=node_modules/mathjax/es5 to=assets/vendor/mathjax
rm -rf assets/vendor
mkdir -p "$to/output/chtml/fonts" "$to/input/tex"
cp -R "$from/output/chtml/fonts/woff-v2" "$to/output/chtml/fonts/"
cp -R "$from/input/tex/extensions" "$to/input/tex/"
cp -R "$from/a11y" "$from/sre" "$from/ui" "$to/" # the menu and the spoken maths, loaded only when asked for
cp "$from/tex-chtml.js" "$to/" # last: make takes this file as the sign that all is there
