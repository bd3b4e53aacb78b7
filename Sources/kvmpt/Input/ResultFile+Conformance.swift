// Conformance reports, read again.

import MMU
import Probe

extension ResultFile {
  /// Reads the report at `path`.
  static func conformance(at path: String) throws(CommandFailure) -> ConformanceReport {
    try ResultFile(path: path, schema: ConformanceJSON.schema).conformance()
  }

  private func conformance() throws(CommandFailure) -> ConformanceReport {
    let shard = ConformanceShard(
      try require(tree["shard"]?["number"]?.number, "shard"),
      of: try require(tree["shard"]?["count"]?.number, "shard"))
    let blockCount = try require(tree["profile-blocks"]?.number, "profile-blocks")
    guard (0...10_000_000).contains(blockCount) else { throw failure("profile-blocks") }
    var total = ConformanceTally()
    total.caseCount = try require(tree["cases"]?.number, "cases")
    total.agreedCount = try require(tree["agreed"]?.number, "agreed")
    total.notRun = try reasons("left-out")
    total.guestTime = try require(tree["guest-milliseconds"]?.duration, "guest-milliseconds")
    var machine = try machine()
    // The rules are derived again from the evidence.
    machine.deviations = []
    return ConformanceReport(
      profile: try require(
        tree["profile"]?.text.flatMap(ConformanceProfile.init(rawValue:)), "profile"),
      shard: try require(shard, "shard"), machine: machine,
      finished: try finishedBlocks(below: blockCount), total: total,
      profileBlockCount: blockCount, evidence: try evidence(), notRun: try reasons("not-run"),
      time: try require(tree["milliseconds"]?.duration, "milliseconds"))
  }

  private func reasons(_ name: String) throws(CommandFailure) -> [NotRunReason: Int] {
    var counts: [NotRunReason: Int] = [:]
    for (key, value) in try require(tree[name]?.members, name) {
      let reason = try require(NotRunReason(rawValue: key), name)
      counts[reason] = try require(value.number, name)
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
    return blocks
  }

  private func evidence() throws(CommandFailure) -> ConformanceEvidence {
    var evidence = ConformanceEvidence()
    for (text, count) in try require(tree["agreeing"]?.members, "agreeing") {
      evidence.add(
        try require(EvidenceKey(text: text), "agreeing"),
        count: try require(count.number, "agreeing"))
    }
    for entry in try require(tree["differing"]?.elements, "differing") {
      let key = try require(entry["case"]?.text.flatMap(EvidenceKey.init(text:)), "case")
      let response = try require(
        entry["response"]?.text.flatMap(DeviationResponse.init(text:)), "response")
      evidence.add(
        EvidenceDifference(key, response),
        DifferenceRecord(
          count: try require(entry["cases"]?.number, "cases"),
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
