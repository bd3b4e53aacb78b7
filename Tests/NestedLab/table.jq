# The table of the nested lab: a line for each thing that was found, a column for each host.

# A number with its thousands apart.
def grouped: if . == null then "-" else tostring | [while(. != ""; .[:-3]) | .[-3:]] | reverse | join(",") end;

# Counts by name, a line each, the most frequent first.
def counted: to_entries | sort_by(-.value, .key) | map("\(.value | grouped) \(.key)");

def padded($width): . + " " * ($width - length);

# The cells of a host, each a list of lines.
def cells: [
    ["host", [.host]],
    ["walker", ["\(.walker // "-")"]],
    ["physical bits", ["\(.bits // "-")"]],
    ["features", .features],
    ["without", .refused],
    ["doctor", ["\(.doctor.verdict // "no verdict"), \(.doctor.seconds // "-") s"]],
    ["probes", ["\(.probes | grouped) in \(.proofs) proofs"]],
    ["executed", [.executed | grouped]],
    ["agreed", [.agreed | grouped]],
    ["explained by", (.explained | counted)],
    ["unproved", (.unproved | counted)],
    ["conform cases", [.cases | grouped]],
    ["agreed", [.casesAgreed | grouped]],
    ["explained by", (.rules | counted)],
    ["suites", [.suites[] | "\(.name) \(if .code == 0 then "passed" else "FAILED" end)"]],
    ["seconds", ["\(.seconds)"]],
    ["in order", [if .problems == [] then "yes" else "NO" end]]
  ];

. as $hosts
| [$hosts[] | cells] as $columns
| [range($columns[0] | length)] as $rows
| ([$columns[0][][0] | length] | max) as $first
| [$columns[] | [.[][1][] | length] | max] as $widths
| (
    $rows[] as $row
    | ([$columns[][$row][1] | length] | max) as $height
    | range([$height, 1] | max) as $line
    | [ (if $line == 0 then $columns[0][$row][0] else "" end | padded($first)),
        ($columns | to_entries[]
          | .key as $index | .value[$row][1][$line] // (if $line == 0 then "-" else "" end)
          | padded($widths[$index])) ]
    | join(" | ")
  ),
  "",
  ([$hosts[].messages] | add | to_entries[] | "\(.key): \(.value)"),
  ($hosts[] | .host as $host | (.suites[].lines[] | "\($host): \(.)"),
    (.problems[] | "problem on \($host): \(.)"))
