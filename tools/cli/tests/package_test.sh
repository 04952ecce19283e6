#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes the Debian package of a build folder and runs what is in it from somewhere else.
set -euo pipefail
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "package: $*" >&2
    exit 1
}

cpack --config "$build/CPackConfig.cmake" -B "$work" >"$work/log" 2>&1 || fail "$(cat "$work/log")"
deb=$(echo "$work"/treadle_*.deb)
[ -e "$deb" ] || fail "there is none"
dpkg-deb -f "$deb" Depends | grep -q 'libhiredis0.14' || fail "dependencies: $(dpkg-deb -f "$deb")"
dpkg-deb -x "$deb" "$work/root"

cd "$work"
root=$work/root/usr
for file in bin/treadle lib/treadle/libtreadle_redis_clock.so share/man/man1/treadle.1.gz \
    share/bash-completion/completions/treadle share/zsh/vendor-completions/_treadle \
    share/fish/vendor_completions.d/treadle.fish share/doc/treadle/copyright; do
    [ -s "$root/$file" ] || fail "$file is missing or empty"
done
gzip -dc "$root/share/man/man1/treadle.1.gz" | grep -q '^\.TH TREADLE' || fail "no manual page"

# It has what it needs with it, and does not look for a source tree: the kept schedules are its own.
"$root/bin/treadle" check memory_store/check_then_add >"$work/out" 2>&1 ||
    fail "check: $(cat "$work/out")"
echo 'breaks nothing' >"$root/share/treadle/regressions/broken"
status=0
"$root/bin/treadle" check memory_store/check_then_add >"$work/out" 2>&1 || status=$?
[ $status -eq 2 ] && grep -q share/treadle/regressions/broken "$work/out" ||
    fail "check does not read its own kept schedules: $status, $(cat "$work/out")"
rm "$root/share/treadle/regressions/broken"

# With source places: the debug information came along.
token=$("$root/bin/treadle" check litmus/check_then_act --variant naive --granularity sync --format json |
    grep -o 'tdl1\.[A-Za-z0-9_.-]*')
"$root/bin/treadle" replay "$token" >"$work/out"
grep -q 'came about again' "$work/out" && grep -q 'counting.c:' "$work/out" ||
    fail "replay: $(cat "$work/out")"
