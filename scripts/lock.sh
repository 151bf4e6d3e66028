#!/bin/sh
# Writes requirements/*.txt: every dependency pinned with its hashes, for all platforms, without naming an index.
# Pins that stand are kept; `scripts/lock.sh --upgrade` takes the newest of all, `--upgrade-package NAME` of one.
set -eu
cd "$(dirname "$0")/.."

compile() {
    lock=$1
    shift
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --custom-compile-command "make lock" --output-file "requirements/$lock.txt" pyproject.toml "$@"
}

compile dev --group build --group test --group check "$@"
# What runs is a part of what develops: the same pins, so that one environment serves both.
grep -v '^ *#' requirements/dev.txt >requirements/.run.txt
mv requirements/.run.txt requirements/run.txt
compile run --group build
# What functions hold is a part of what runs: the same pins again.
.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --custom-compile-command "make lock" --constraint requirements/run.txt --output-file requirements/function.txt \
    --group pyproject.toml:function
