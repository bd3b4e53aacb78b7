// limits: runs contestants and limits in turn and prints the median ratios of the rounds.
//
// A ratio compares a contestant with the limit of the same round, so that the machine's mood is
// in both. Times are processor time of this thread.
//
// `limits [rounds]` measures times. `limits count` runs everything once, for a tool that counts
// instructions, and prints how many operations each function did.

import Contestants

let isCounting = CommandLine.arguments.dropFirst().first == "count"
let scale = isCounting ? Scale.small : Scale.full
var stage = try Stage(scale)
var scattered = try ScatteredStage(scale)

func median(_ values: [Double]?) -> Double {
  guard let values, !values.isEmpty else { return 0 }
  return values.sorted()[values.count / 2]
}

func text(_ value: Double) -> String {
  let thousandths = Int((value * 1000).rounded())
  return "\(thousandths / 1000)." + String(1000 + thousandths % 1000).dropFirst()
}

func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(1, width - text.count))
}

if isCounting {
  let results = try round(&stage, &scattered, turn: 0)
  for row in rows {
    let wanted = row.instructions.map { text($0) } ?? "-"
    print("\(row.function) \(results.operations[row.function] ?? 0) \(wanted) \(row.name)")
  }
} else {
  let roundCount = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 15
  _ = try round(&stage, &scattered, turn: 0)
  var times: [String: [Double]] = [:]
  var ratios: [String: [Double]] = [:]
  for turn in 0..<roundCount {
    let results = try round(&stage, &scattered, turn: turn)
    for row in rows {
      let time = results.times[row.function] ?? 0
      times[row.function, default: []].append(time)
      if let limit = row.limit, let least = results.times[limit] {
        ratios[row.function, default: []].append(time / least)
      }
    }
  }
  print("median of \(roundCount) rounds: ns per operation, ratio to the limit of the same round")
  for row in rows {
    var line = padded(row.name, 30) + padded(text(median(times[row.function])) + " ns", 16)
    if row.limit != nil {
      let ratio = median(ratios[row.function])
      line += padded(text(ratio) + "x", 12)
      if let target = row.target {
        line += "\(text(target))x \(ratio <= target ? "met" : "MISSED")"
      }
    }
    print(line)
  }
}
if stage.sum &+ scattered.sum == 42 { print("") }
