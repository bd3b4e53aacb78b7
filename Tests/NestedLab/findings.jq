# What one host of the nested lab found: reads the lines of its file "steps" (init says what they
# mean), writes one object. $host, $folder and $wall are its name, its folder and its seconds.

# The steps, with what each wrote as an object if it is JSON.
def steps:
  reduce inputs as $line ({steps: []};
    if $line | startswith("|") then .output += [$line[1:]]
    elif $line | startswith("!") then .errors += [$line[1:]]
    else ($line | split(" ")) as $words
      | if $words[0] == "@begin" then .name = $words[1] | .output = [] | .errors = []
        elif $words[0] == "@end" then
          .steps += [{name, code: ($words[2] | tonumber), seconds: ($words[3] | tonumber),
            report: (.output | join("\n") | try fromjson catch null), output, errors}]
          | .name = null
        elif $words[0] == "@ready" then .ready = ($words[1] | tonumber)
        elif $words[0] == "@done" then .done = ($words[1] | tonumber)
        elif $words[0] == "@hung" then .hung = true
        else . end
    end);

# The sum of objects of counts.
def sums: reduce (.[] | objects | to_entries[]) as $entry ({}; .[$entry.key] += $entry.value);

# Why probes of a report were not executed, by reason. Newer reports say more in "unproved".
def unproved:
  if (.unproved | type) == "array" then .unproved | map({key: .id, value: .count}) | from_entries
  elif (.unproved | type) == "object" then .unproved | map_values(if type == "object" then .count else . end)
  else .probes["not-run"] // .["not-run"] // {} end;

# What is wrong with a step, as sentences.
def problems:
  .name as $name | .report as $report
  | (if ($name | startswith("verify/") or startswith("conform")) then [0, 77] else [0] end) as $codes
  | [ (select(.code as $code | $codes | index($code) | not)
        | "\($name) ended with \(.code): \(((.errors + (.output | .[-3:])) | map(select(. != "")) | .[-3:] | join(" / "))[:300])"),
      (select(($name | test("^(suite/|lies$)") | not) and $report == null) | "\($name) wrote no report"),
      ($report.probes? // {} | select((.disagreeing // 0) > 0) | "\($name): \(.disagreeing) probes disagree"),
      ($report.probes? // {} | select((.lost // 0) > 0) | "\($name): \(.lost) probes were lost"),
      ($report.unexplained? // 0 | select(. > 0) | "\($name): \(.) cases differ without a rule") ];

steps
| .name as $under_way
| (.steps | map({key: .name, value: .}) | from_entries) as $step
| ([.steps[] | select(.name | startswith("verify/")) | .report | objects]) as $proofs
| ([.steps[] | select(.name | startswith("conform")) | .report | objects]) as $conformances
| ($step.doctor.report // {}) as $doctor
| {
    host: $host,
    seconds: $wall,
    walker: ($doctor.machine.walker // ($proofs[0] // {}).machine.walker),
    processor: $doctor.machine.processor,
    kernel: $doctor.machine.kernel,
    bits: ($doctor.machine["physical-address-bits"]
      // ($proofs[0] // {}).machine["physical-address-bits"]),
    features: (if $doctor.features then [$doctor.features[] | select(.trial == "works") | .id]
      else ($proofs[0] // {}).machine.features // ["unknown"] end),
    refused: (if $doctor.features then [$doctor.features[] | select(.trial != "works") | .id]
      else ["unknown"] end),
    doctor: ($step.doctor | {seconds, code, verdict: $doctor.verdict}),
    proofs: ($proofs | length),
    probes: ([$proofs[].probes.planned] | add),
    executed: ([$proofs[].probes.executed] | add),
    agreed: ([$proofs[].probes.agreeing] | add),
    explained: (([$proofs[].probes.deviations] | sums)),
    unproved: ([$proofs[] | unproved] | sums),
    cases: ([$conformances[].cases] | add),
    casesAgreed: ([$conformances[].agreed] | add),
    rules: ([$conformances[].rules[]? | {(.id): .cases}] | sums),
    messages: ([$doctor, $proofs[].machine | .deviations[]?] + [$conformances[].rules[]?]
      | map({key: .id, value: .message}) | from_entries),
    suites: [.steps[] | select(.name | test("^(suite/|lies$)"))
      | {name: (.name | ltrimstr("suite/")), code, seconds,
          lines: [.output[] | select(test("^random spaces|Test run with|space and lie"))]}],
    problems: (
      (if .ready == null then ["did not boot as far as KVM"]
       elif .hung then ["said nothing more in step \($under_way)"]
       elif .done == null then ["ended in step \($under_way)"]
       else [] end)
      + [.steps[] | problems[]]
      | map("\(.) (\($folder)/steps)"))
  }
