// DoctorText: an examination for people.

import KVM
import MMU
import Probe

/// Writes an examination for a terminal.
struct DoctorText {
  let examination: Examination
  let styler: TextStyler

  func write(to output: inout some TextOutputStream) {
    output.write(facts())
    if !examination.features.isEmpty { output.write("\n" + features()) }
    if !examination.hostEdits.isEmpty { output.write("\n" + hostEdits()) }
    output.write(remedies())
    output.write("\n" + verdict() + "\n")
  }

  private func facts() -> String {
    let identity = examination.identity
    var table = TextTable([("", .left), ("", .left)])
    func add(_ name: String, _ text: String, _ style: TextStyle = .dim) {
      table.append([.init(name, style), .init(text)])
    }
    add(
      "processor",
      "\(identity.processorName) (\(examination.vendorName)),"
        + " \(examination.physicalAddressWidth) physical-address bits")
    add("kernel", "Linux \(identity.kernelRelease)")
    add("walker", "the tables are walked by \(identity.walkerWords)")
    if examination.problem == nil {
      add("guest", "runs at CPL 0 and CPL 3; its tables do what the manual says")
    }
    if let sample = examination.sample {
      add(
        "cases",
        "\(grouped(sample.caseCount)) of the access matrix, \(grouped(sample.agreedCount))"
          + " as the manual says; kvmpt conform tries them all")
      for words in sample.remainder { add("left", words, .yellow) }
    }
    for deviation in examination.profile?.deviations ?? [] {
      add("differs", deviation.message, .yellow)
    }
    for rule in examination.sampleRules {
      add(
        "sampled", "\(rule.message), in these cases; kvmpt conform tells how far it goes", .yellow)
    }
    return table.rendered(styler: styler)
  }

  private func features() -> String {
    var table = TextTable([("feature", .left), ("CPUID", .left), ("trial", .left)])
    for finding in examination.features {
      let isWorking = finding.outcome == .works
      table.append([
        .init(finding.feature.words), .init(finding.isPromised ? "promised" : "no"),
        .init(
          finding.outcome.words,
          isWorking ? .green : finding.isPromised ? .red : .yellow),
      ])
    }
    return table.rendered(styler: styler)
  }

  private func hostEdits() -> String {
    var table = TextTable([
      ("the host's changes of tables are seen", .left), ("CPL 0", .left), ("CPL 3", .left),
      ("", .left),
    ])
    for means in HostChangeMeans.allCases
    where examination.hostEdits.contains(where: { $0.means == means }) {
      var row: [TextTable.Cell] = [.init(means.message)]
      for finding in examination.hostEdits where finding.means == means {
        row.append(.init(finding.words, finding.isReliable ? .green : .yellow))
      }
      row.append(.init(means == examination.usedMeans ? "used by verify" : "", .dim))
      table.append(row)
    }
    return table.rendered(styler: styler)
  }

  private func remedies() -> String {
    let missing = examination.features.filter { $0.remedy != nil }
    guard !missing.isEmpty else { return "" }
    var text = "\n  what is missing is skipped by verify, which says so; to have it:\n"
    for finding in missing {
      text += "    \(finding.feature.words): \(finding.remedy ?? "")\n"
    }
    return text
  }

  private func verdict() -> String {
    guard let problem = examination.problem else {
      return styler("ready", .green) + ": this machine can prove page tables"
    }
    return styler("not ready", .redBold) + ": \(problem.message)\n  fix: \(problem.hint)"
  }
}

extension MatrixSample {
  /// What doctor leaves to conform, a line each; none when it came to an end.
  var remainder: [String] {
    var lines: [String] = []
    if finishedBlockCount < blockCount {
      lines.append(
        "time allowed \(grouped(finishedBlockCount)) of \(grouped(blockCount)) parts of this sample;"
          + " kvmpt conform has more")
    }
    if leftCount > 0 {
      lines.append(
        "\(grouped(leftCount)) of these cases differ in \(grouped(leftKindCount)) ways for which no"
          + " rule was found in time; kvmpt conform looks for one")
    }
    return lines
  }
}

extension HostEditFinding {
  /// Yes, no, or how many of how many.
  var words: String {
    if isReliable { return "yes" }
    return seenCount == 0 ? "no" : "\(seenCount) of \(probeCount)"
  }
}

extension MachineFeature {
  /// The feature in the manual's words.
  var words: String {
    switch self {
    case .fiveLevelPaging: "5-level paging (CR4.LA57)"
    case .oneGiBPages: "1 GiB pages"
    case .noExecute: "execute-disable (EFER.NXE)"
    case .writeProtect: "write-protect (CR0.WP)"
    case .smep: "SMEP"
    case .smap: "SMAP"
    case .protectionKeys: "protection keys (CR4.PKE)"
    case .supervisorProtectionKeys: "supervisor keys (CR4.PKS)"
    }
  }
}

extension TrialOutcome {
  /// What came of it.
  var words: String {
    switch self {
    case .works: "works"
    case .refused(let reason): "refused: \(reason)"
    case .differs(let difference): "does not work: \(difference)"
    case .unfinished: "not tried to its end: time ran out"
    }
  }
}
