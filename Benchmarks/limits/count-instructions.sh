#!/bin/sh
# Prints instructions per operation of every contestant and limit, counted by callgrind, and fails
# where one needs more than its row allows: by 2 %, and by a tenth of an instruction.
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
status=0
while read -r function count allowed name; do
  # Mangled names have the length of the name before it.
  total=$(grep -E "Contestants${#function}${function}y[A-Za-z0-9_]*F( |\$)" "$work/functions" | head -1 |
    awk '{ gsub(",", "", $1); print $1 }')
  awk -v name="$name" -v total="${total:-0}" -v count="$count" -v allowed="$allowed" '
    BEGIN {
      found = count ? total / count : 0
      over = allowed != "-" && (found == 0 || found > allowed * 1.02 && found > allowed + 0.1)
      printf "%-30s %10.2f   %s%s\n", name, found, allowed, over ? "   EXCEEDED" : ""
      exit over
    }' || status=1
done <"$work/counts"
exit $status
