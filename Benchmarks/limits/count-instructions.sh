#!/bin/sh
# Prints instructions per operation of every contestant and limit, counted by callgrind.
# They do not depend on what else the machine does.
set -eu
cd "$(dirname "$0")"
swift build -c release >&2
program=.build/release/limits
work=${1:-$(mktemp -d)}
test $# -gt 0 || trap 'rm -rf "$work"' EXIT
# Zeroing by string instructions would count as one instruction for each byte.
export GLIBC_TUNABLES=glibc.cpu.x86_rep_stosb_threshold=1000000000
valgrind --tool=callgrind --callgrind-out-file="$work/out" "$program" count \
  >"$work/counts" 2>"$work/log"
callgrind_annotate --inclusive=yes --threshold=100 "$work/out" >"$work/functions"
while read -r function count wanted name; do
  # Mangled names have the length of the name before it.
  total=$(grep -E "Contestants${#function}${function}y[A-Za-z0-9_]*F( |\$)" "$work/functions" | head -1 |
    awk '{ gsub(",", "", $1); print $1 }')
  awk -v name="$name" -v total="${total:-0}" -v count="$count" -v wanted="$wanted" \
    'BEGIN { printf "%-30s %10.2f   %s\n", name, total / count, wanted }'
done <"$work/counts"
