#!/bin/sh
# Runs one target as cargo-fuzz would: coverage and the address sanitizer, on nightly.
# Usage: ./run.sh json|profiles|text|wire [options of libFuzzer, e.g. -max_total_time=120]
set -eu
cd "$(dirname "$0")"
target=$1
shift
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="-Zsanitizer=address -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
-Ccodegen-units=1 --cfg fuzzing"
cargo +nightly build --release --target "$host" --bin "$target"
mkdir -p "corpus/$target" "artifacts/$target"
exec "target/$host/release/$target" -artifact_prefix="artifacts/$target/" \
    -dict=otlp.dict "$@" "corpus/$target"
