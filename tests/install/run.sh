#!/usr/bin/env bash
# Installs the library from a build folder into a fresh prefix, builds the programs of examples/
# outside of the tree against it, runs them, and checks the stripped size and the exported symbols.
# usage: tests/install/run.sh BUILD_DIR SOURCE_DIR
set -euo pipefail
build=$1
source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/prefix" >"$work/install.log"
for example in c cpp; do
  cp -r "$source/examples/$example" "$work/$example"
  cmake -S "$work/$example" -B "$work/$example/build" -G Ninja \
    -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_BUILD_TYPE=Release >"$work/configure.log"
  cmake --build "$work/$example/build" >"$work/build.log" || { cat "$work/build.log"; exit 1; }
done

out=$("$work/cpp/build/classify" "$source/models/digits_float.tflite")
echo "C++ example: $out"
[[ $out == "digit 3,"* ]]
out=$("$work/c/build/describe" "$source/models/digits_int8.tflite")
echo "C example: $(head -1 <<<"$out")"
grep -q '^output ' <<<"$out"
if "$work/c/build/describe" "$source/README.md" 2>"$work/error"; then
  echo "a text file was taken for a model"
  exit 1
fi
echo "C example on a text file: $(cat "$work/error")"

for program in "$work/cpp/build/custom_op" "$work/c/build/custom_op"; do
  out=$("$program" "$source/examples/peak_hold.tflite" | tr '\n' ' ')
  echo "$(basename "$(dirname "$(dirname "$program")")") example of a custom operator: $out"
  [[ $out == "1.000 0.500 0.250 " ]]
done

library=$(find "$work/prefix" -name 'libedgeml.so.*' -type f | head -1)
cp "$library" "$work/stripped.so"
strip "$work/stripped.so"
size=$(stat -c %s "$work/stripped.so")
limit=3000000
echo "stripped library: $size bytes (limit $limit)"
((size <= limit))
stray=$(nm -D --defined-only "$library" | awk '$2 ~ /[TBDR]/ {print $3}' | c++filt | grep -vE '^(edgeml::|edgeml_)' || true)
if [[ -n $stray ]]; then
  echo "symbols that should be hidden:"
  head -5 <<<"$stray"
  exit 1
fi
stray=$(nm -D --defined-only "$work"/prefix/lib*/libedgeml_audio_frontend.so | awk '$2 ~ /[TBDR]/ {print $3}' | c++filt | grep -v '^edgeml::AddAudioFrontendOps(' || true)
if [[ -n $stray ]]; then
  echo "symbols of the audio front-end that should be hidden:"
  head -5 <<<"$stray"
  exit 1
fi
needs=$(objdump -p "$library" | awk '/NEEDED/ {print $2}' | sort | tr '\n' ' ')
echo "needs: $needs"
