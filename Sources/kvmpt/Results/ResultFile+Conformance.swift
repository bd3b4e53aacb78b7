// Conformance reports, read again.

import MMU
import Probe

extension ResultFile {
  /// Reads the report at `path`, and checks it whole.
  static func conformance(at path: String) throws(CommandFailure) -> ConformanceReport {
    try ResultFile(path: path, schema: ConformanceJSON.schema).conformance()
  }

  /// The report, checked whole.
  func conformance() throws(CommandFailure) -> ConformanceReport {
    try refuseMembers(of: tree, besides: Self.members, at: "")
    let shard = ConformanceShard(
      try count(tree["shard"]?["number"], "shard.number", least: 1),
      of: try count(tree["shard"]?["count"], "shard.count", least: 1))
    let blockCount = try count(tree["profile-blocks"], "profile-blocks")
    guard blockCount <= 10_000_000 else { throw failure("profile-blocks", "it is too large") }
    var total = ConformanceTally()
    total.caseCount = try count(tree["cases"], "cases")
    total.agreedCount = try count(tree["agreed"], "agreed")
    total.notRun = try reasons("left-out")
    total.guestTime = try require(tree["guest-milliseconds"]?.duration, "guest-milliseconds")
    let report = ConformanceReport(
      profile: try require(
        tree["profile"]?.text.flatMap(ConformanceProfile.init(rawValue:)), "profile"),
      shard: try require(shard, "shard", "the number is larger than the count"),
      // The rules are derived again from the evidence.
      machine: try machine(), finished: try finishedBlocks(below: blockCount), total: total,
      profileBlockCount: blockCount, evidence: try evidence(), notRun: try reasons("not-run"),
      time: try require(tree["milliseconds"]?.duration, "milliseconds"))
    try check(report)
    return report
  }

  private static let members: Set<String> = [
    "schema", "version", "profile", "shard", "complete", "agreement", "verdict", "baseline",
    "machine", "profile-blocks", "blocks", "finished-blocks", "cases", "agreed", "explained", "new",
    "unexplained", "rules", "unseen-rules", "refuted-rules", "not-run", "left-out", "milliseconds",
    "guest-milliseconds", "agreeing", "differing",
  ]

  /// Holds the report against its plan, and what follows from the rest against it.
  private func check(_ report: ConformanceReport) throws(CommandFailure) {
    do throws(ConformanceReportProblem) {
      try report.check()
    } catch {
      throw failure(error.member, error.message)
    }
    guard tree["blocks"]?.number == report.blockCount else {
      throw failure("blocks", "the share has \(report.blockCount)")
    }
    guard tree["complete"]?.flag == report.isComplete else {
      throw failure(
        "complete",
        "\(report.finished.count) of \(counted(report.blockCount, "block", "blocks")) are finished")
    }
    let differing = report.total.differingCount
    let explained = try count(tree["explained"], "explained")
    let new = try count(tree["new"], "new")
    guard explained + (try count(tree["unexplained"], "unexplained")) == differing else {
      throw failure("explained", "explained and unexplained are not the \(differing) that differ")
    }
    guard new <= explained else { throw failure("new", "there are more than are explained") }
    var ruled = 0
    for (index, rule) in try require(tree["rules"]?.elements, "rules").enumerated() {
      _ = try self.rule(rule, at: "rules[\(index)]")
      ruled += try count(rule["cases"], "rules[\(index)].cases", least: 1)
      guard ruled <= explained else { break }
    }
    guard ruled == explained else {
      throw failure("explained", "the rules explain \(ruled)")
    }
    let isAgreed = new == 0 && explained == differing
    guard tree["agreement"]?.flag == isAgreed else {
      throw failure("agreement", "by the counts it is \(isAgreed)")
    }
  }

  private func reasons(_ name: String) throws(CommandFailure) -> [NotRunReason: Int] {
    var counts: [NotRunReason: Int] = [:]
    for (key, value) in try require(tree[name]?.members, name) {
      let reason = try require(NotRunReason(rawValue: key), name)
      counts[reason] = try count(value, "\(name).\(key)", least: 1)
    }
    return counts
  }

  private func finishedBlocks(below count: Int) throws(CommandFailure) -> Set<Int> {
    let text = try require(tree["finished-blocks"]?.text, "finished-blocks")
    var blocks: Set<Int> = []
    for part in text.split(separator: ",") {
      let ends = part.split(separator: "-").compactMap { Int($0) }
      guard let first = ends.first, let last = ends.last, ends.count <= 2, first <= last,
        (0..<count).contains(first), last < count
      else { throw failure("finished-blocks") }
      blocks.formUnion(first...last)
    }
    guard ConformanceJSON.ranges(of: blocks) == text else {
      throw failure("finished-blocks", "the ranges are not apart and in order")
    }
    return blocks
  }

  private func evidence() throws(CommandFailure) -> ConformanceEvidence {
    var evidence = ConformanceEvidence()
    for (text, count) in try require(tree["agreeing"]?.members, "agreeing") {
      let key = try require(EvidenceKey(text: text), "agreeing.\(text)")
      guard evidence.agreed[key] == nil else { throw failure("agreeing.\(text)", "it comes twice") }
      evidence.add(
        key,
        count: try self.count(count, "agreeing.\(text)", least: 1))
    }
    for (index, entry) in try require(tree["differing"]?.elements, "differing").enumerated() {
      let place = "differing[\(index)]"
      let key = try require(entry["case"]?.text.flatMap(EvidenceKey.init(text:)), place + ".case")
      let response = try require(
        entry["response"]?.text.flatMap(DeviationResponse.init(text:)), place + ".response")
      let difference = EvidenceDifference(key, response)
      guard evidence.differences[difference] == nil else { throw failure(place, "it comes twice") }
      guard response != DeviationResponse(following: key.modelled) else {
        throw failure(place, "such cases agree")
      }
      evidence.add(
        difference,
        DifferenceRecord(
          count: try count(entry["cases"], place + ".cases", least: 1),
          example: try example(try require(entry["example"], "example"))))
    }
    return evidence
  }

  private func example(_ tree: JSONTree) throws(CommandFailure) -> ConformanceMismatch {
    var entries: [PageTableEntry] = []
    for entry in try require(tree["entries"]?.elements, "entries") {
      let level = entry["level"]?.number.flatMap { UInt8(exactly: $0) }
        .flatMap(Level.init(rawValue:))
      entries.append(
        PageTableEntry(
          try require(entry["word"]?.hexadecimal, "word"), at: try require(level, "level")))
    }
    return ConformanceMismatch(
      matrix: try require(tree["matrix"]?.text, "matrix"),
      block: try require(tree["block"]?.number, "block"),
      mode: try require(tree["mode"]?.text, "mode"), entries: entries,
      address: try require(tree["address"]?.hexadecimal, "address"),
      modelled: try require(tree["modelled"]?.text, "modelled"),
      executed: try require(tree["executed"]?.text, "executed"), flags: tree["flags"]?.text)
  }
}
