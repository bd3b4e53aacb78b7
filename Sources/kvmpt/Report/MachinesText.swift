// MachinesText: which machines answered, for people.

import MMU
import Probe

/// The machines of a report.
struct MachinesText {
  let report: any ProofReport

  /// The names of the machines in the order in which they were asked.
  private var names: [String] { report.machines.answers.map(\.profile.identity.name) }

  /// True when the report says for each row which machine answered.
  var isPlural: Bool { report.machines.answers.count > 1 }

  /// The rows about machines at the head of a report.
  func facts() -> [[TextTable.Cell]] {
    guard let first = report.profile else {
      return [[.init("machine", .dim), .init("none: only the model was asked")]]
    }
    var rows: [[TextTable.Cell]] = []
    for answers in report.machines.answers where isPlural {
      let total = answers.total
      rows.append([
        .init("machine", .dim),
        .init(
          "\(answers.profile.words); \(counted(total.executedCount, "probe", "probes")) executed"),
      ])
    }
    if rows.isEmpty { rows = [[.init("machine", .dim), .init(first.words)]] }
    if let problem = report.machines.problem {
      rows.append([
        .init("not asked", .yellow), .init("the second machine: \(problem.message)"),
      ])
    }
    let profiles = isPlural ? report.machines.answers.map(\.profile) : [first]
    for profile in profiles {
      for deviation in profile.deviations {
        let name = isPlural ? "\(profile.identity.name): " : ""
        rows.append([.init("differs", .yellow), .init(name + deviation.message)])
      }
    }
    for remark in report.remarks {
      rows.append([.init("warning", .yellow), .init(remark.message)])
    }
    return rows
  }

  /// The column for the cells; none where there is one machine only.
  var column: [(title: String, alignment: TextTable.Alignment)] {
    isPlural ? [("executed by", .left)] : []
  }

  /// Which machine executed how many probes of `subject`; empty where there is one machine only.
  func cell(_ subject: ProbeSubject) -> TextTable.Cell {
    let counts = report.machines.executedCounts(of: subject)
    return .init(
      counts.filter { $0.count > 0 }.map { "\($0.name) \(grouped($0.count))" }
        .joined(separator: ", "), .dim)
  }

  /// Where two machines differ; nothing where they do not.
  func differences(_ limit: Int, in space: AddressSpace, kinds: [PageKind], _ styler: TextStyler)
    -> String
  {
    let machines = report.machines
    guard machines.differenceCount > 0, isPlural else { return "" }
    var text = "\n"
    for difference in machines.differences.prefix(limit) {
      text +=
        styler("machines differ", .yellow) + " at \(HexadecimalNumber(difference.address)):"
        + " \(difference.manner.words),"
        + " \(difference.subject.words(in: space, kinds: kinds))\n"
      let rows = [
        ("modelled", difference.modelled.words), (names[0], difference.words(difference.first)),
        (names[1], difference.words(difference.second)),
      ]
      for (name, words) in rows {
        let gap = String(repeating: " ", count: max(1, 10 - name.count))
        text += "    \(name)\(gap)\(words)\n"
      }
    }
    let rest = machines.differenceCount - min(limit, machines.differences.count)
    if rest > 0 { text += "... and \(grouped(rest)) more; --format json has more of them\n" }
    return text
  }
}

extension MachineDifference {
  /// What a machine did, in words.
  func words(_ outcome: ProbeOutcome?) -> String { outcome?.words ?? modelled.words }
}

extension MachinesAsked {
  /// How many probes of `subject` each machine executed whose answers count.
  func executedCounts(of subject: ProbeSubject) -> [(name: String, count: Int)] {
    answers.map { ($0.profile.identity.name, $0.tallies[subject]?.executedCount ?? 0) }
  }
}
