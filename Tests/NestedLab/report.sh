# shellcheck shell=bash
# What the hosts of the nested lab found, in one table.

# jq of the lab's packages, where there is no other.
query() {
  local packages=$1
  shift
  if command -v jq > /dev/null; then
    jq "$@"
  else
    LD_LIBRARY_PATH=$packages/usr/lib/x86_64-linux-gnu "$packages/usr/bin/jq" "$@"
  fi
}

# print_run FOLDER: what the command of --run wrote.
print_run() {
  sed -n 's/^|//p' "$1/steps"
  sed -n 's/^!//p' "$1/steps" >&2
  grep -q '^@end run 0 ' "$1/steps" \
    || die "the command failed, or the host did not boot; see $1/steps and $1/console"
}

# report WORK PACKAGES LAB: reads the names of hosts, a line each, prints the table by the jq programs
# in the folder LAB, and fails when a host did not find everything in order.
report() {
  local work=$1 packages=$2 lab=$3 name
  local findings=()
  while read -r name; do
    # A line of steps becomes a string; the reports among them become objects again.
    query "$packages" -R -n --arg host "$name" --arg folder ".build/nested-lab/$name" \
      --argjson wall "$(cat "$work/$name/seconds")" \
      -f "$lab/findings.jq" "$work/$name/steps" > "$work/$name/findings.json"
    findings+=("$work/$name/findings.json")
  done
  query "$packages" -r -s -f "$lab/table.jq" "${findings[@]}"
  query "$packages" -e -s 'all(.[]; .problems == [])' "${findings[@]}" > /dev/null
}
