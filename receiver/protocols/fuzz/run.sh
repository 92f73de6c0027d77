#!/bin/sh
# Runs a target as cargo-fuzz would: coverage and the address sanitizer, on any toolchain.
# Usage: ./run.sh TARGET [options of libFuzzer, e.g. -max_total_time=120]
set -eu
cd "$(dirname "$0")"
name=$1
shift
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Zsanitizer=address -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
-Ccodegen-units=1 --cfg fuzzing"
cargo build --release --target "$host" --bin "$name"
mkdir -p "corpus/$name" "artifacts/$name"
exec "target/$host/release/$name" "-artifact_prefix=artifacts/$name/" "$@" "corpus/$name"
