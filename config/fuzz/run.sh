#!/bin/sh
# Runs the target as cargo-fuzz would: coverage and the address sanitizer, on nightly.
# Usage: ./run.sh [options of libFuzzer, e.g. -max_total_time=120]
set -eu
cd "$(dirname "$0")"
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="-Zsanitizer=address -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
-Ccodegen-units=1 --cfg fuzzing"
cargo +nightly build --release --target "$host" --bin load
mkdir -p corpus/load artifacts/load
cp ../testdata/*.yaml corpus/load/
exec "target/$host/release/load" -artifact_prefix=artifacts/load/ -dict=yaml.dict "$@" corpus/load
