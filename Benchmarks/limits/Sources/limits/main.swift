// limits: runs contestants and limits in turn and prints the median ratios of the rounds.
//
// A ratio compares a contestant with the limit of the same round, so that the machine's mood is
// in both. Times are processor time of this thread, per page.

import GuestMem

/// The contestants' limits.
let limits: [String: String] = [
  "protect a range, offline": "limit: protect", "protect a range, live": "limit: protect",
  "unmap a range, report": "limit: unmap",
]

let memory = try GuestMemory(byteCount: 64 << 20, backing: .anonymous)
var state: UInt64 = 88172645463325252
let random = (0..<1_000_000).map { _ in
  state ^= state << 13
  state ^= state >> 7
  state ^= state << 17
  return base.rawValue + state % (pageCount * 4096)
}
let roundCount = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 15 : 15
_ = try round(memory, random)
var times: [String: [Double]] = [:]
var ratios: [String: [Double]] = [:]
var names: [String] = []
for _ in 0..<roundCount {
  let results = try round(memory, random)
  names = results.map { $0.0 }
  let byName = Dictionary(uniqueKeysWithValues: results)
  for (name, time) in results {
    times[name, default: []].append(time)
    ratios[name, default: []].append(time / (byName[limits[name] ?? "limit: store"] ?? 1))
  }
}

func median(_ values: [Double]?) -> Double {
  guard let values, !values.isEmpty else { return 0 }
  return values.sorted()[values.count / 2]
}

func text(_ value: Double) -> String {
  let thousandths = Int((value * 1000).rounded())
  let digits = String(1000 + thousandths % 1000).dropFirst()
  return "\(thousandths / 1000).\(digits)"
}

print("median of \(roundCount) rounds: ns per page, and ratio to the limit of the same round")
for name in names {
  let padding = String(repeating: " ", count: max(1, 30 - name.count))
  print("\(name)\(padding)\(text(median(times[name]))) ns  \(text(median(ratios[name])))x")
}
