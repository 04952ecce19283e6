#!/bin/bash -eu
# SPDX-License-Identifier: MIT
# Builds every target into $OUT, with its seeds and dictionary: the contract of OSS-Fuzz and
# ClusterFuzzLite, which set CC, CFLAGS, LIB_FUZZING_ENGINE and OUT. fuzz/tests/fuzz_test runs it.
cd "$(dirname "$0")/.."
build=${WORK:-$OUT/work}/treadle
cmake -G Ninja -S . -B "$build" -DTREADLE_MODE=fuzz -DCMAKE_C_COMPILER="$CC" \
    -DCMAKE_C_FLAGS="$CFLAGS" -DTREADLE_FUZZING_ENGINE="$LIB_FUZZING_ENGINE" -DBUILD_TESTING=OFF
cmake --build "$build"

for program in "$build"/*_fuzz "$build"/targets/*_fuzz; do
    name=$(basename "$program")
    [ "$name" != interleavings_fuzz ] || continue # the others are this one under their names
    [ "${name%-redis_fuzz}" = "$name" ] || continue # there is no redis-server where they run
    cp "$program" "$OUT/$name"
    [ ! -e "fuzz/dictionaries/$name" ] || cp "fuzz/dictionaries/$name" "$OUT/$name.dict"
    if grep -qsv '^#' "fuzz/seeds/$name"; then
        seeds=$(mktemp -d)
        fuzz/unpack "fuzz/seeds/$name" "$seeds"
        (cd "$seeds" && cmake -E tar cf "$OUT/${name}_seed_corpus.zip" --format=zip -- *)
        rm -rf "$seeds"
    fi
done
