#!/usr/bin/env bash
# Builds the library for one model alone, and checks its size, its symbols, that it runs that model
# bit for bit like the whole library, and that it refuses another model in words.
# usage: tests/selective/run.sh SOURCE_DIR WHOLE_BUILD_DIR BUILD_DIR MODEL OTHER_MODEL
set -euo pipefail
source=$1 whole=$2 build=$3 model=$4 other=$5
limit=300000
cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DEDGEML_WERROR=ON \
  -DEDGEML_OPS_FROM="$model" | grep -E '^-- Operators:'
cmake --build "$build" -j"$(nproc)" --target edgeml_shared >"$build/build.log" ||
  { tail -40 "$build/build.log"; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$build/lib/libedgeml.so" "$work/stripped.so"
strip "$work/stripped.so"
size=$(stat -c %s "$work/stripped.so")
echo "$(basename "$model"): stripped library of $size bytes (limit $limit)"
((size <= limit))
stray=$(nm -D --defined-only "$work/stripped.so" | awk '{print $3}' | grep -v '^edgeml_' || true)
if [[ -n $stray ]]; then
  echo "symbols that should be hidden: $stray"
  exit 1
fi

cc -std=c11 -Wall -Wextra -Werror -I"$source/include" "$source/tests/selective/run_model.c" \
  -o "$work/run_model" -L"$whole/lib" -ledgeml
expected=$(LD_LIBRARY_PATH="$whole/lib" "$work/run_model" "$model")
actual=$(LD_LIBRARY_PATH="$build/lib" "$work/run_model" "$model")
echo "$actual"
if [[ $actual != "$expected" ]]; then
  echo "the whole library gives: $expected"
  exit 1
fi
if LD_LIBRARY_PATH="$build/lib" "$work/run_model" "$other" 2>"$work/error"; then
  echo "$(basename "$other") ran, though its operators were left out"
  exit 1
fi
echo "$(basename "$other"): $(cat "$work/error")"
grep -q 'unsupported' "$work/error"
