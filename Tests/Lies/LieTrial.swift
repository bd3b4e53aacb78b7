// LieTrial: one space, one lie, and what the proof of files and of images says about it.

import GuestMem
import Inspection
import MMU
public import Probe
import TestImages
import TestSupport

/// Tells lies about random spaces and looks whether they are found out.
public struct LieTrial: Sendable {
  /// How a proof is wrong.
  public enum Fault: String, CaseIterable, Sendable {
    /// A lie that matters was not reported.
    case missed = "was not reported"
    /// A lie that does not matter was reported.
    case invented = "was reported and does not matter"
    /// The proof failed.
    case failed = "could not be proved"
  }

  /// What one pair of space and lie came to.
  public struct Result: Sendable {
    /// The lie; nil where the space has nothing to lie about.
    public var lie: Lie?
    /// What the manual says about it.
    public var effect = LieEffect.harmless
    /// The faults of the proofs, in words.
    public var faults: [(Fault, String)] = []
    /// Probes that a machine answered.
    public var executedCount = 0
  }

  private let verifier: Verifier
  private let profile: MachineProfile
  private let options: VerificationOptions

  /// Lies on the machine of `verifier`.
  public init(_ verifier: Verifier, _ profile: MachineProfile) {
    self.verifier = verifier
    self.profile = profile
    var options = VerificationOptions()
    options.workerCount = 1
    self.options = options
  }

  /// The pair of a seed, proved as a built space and as an image.
  public func run(seed: UInt64) -> Result {
    var random = SeededGenerator(seed: ~seed)
    let space = RandomSpaces.space(seed: seed, features: profile.features)
    var result = Result()
    let kinds = Lie.Kind.allCases
    let kind = kinds[Int(seed % UInt64(kinds.count))]
    do {
      let built = try verifier.build(space, profile)
      let memory = built.memory.view
      let tables = PlainTables(
        root: built.cr3, built.configuration.withEveryPageSize,
        pageAttributeTable: built.pageAttributeTable)
      let maker = LieMaker(root: built.cr3, rootLevel: tables.rootLevel, memory)
      var found: Lie?
      for _ in 0..<64 where found == nil { found = maker.lie(kind, &random) }
      // A space without any mapping has a root to lie about, but no leaf.
      while found == nil { found = maker.lie(.flippedBit, &random) }
      guard let lie = found else { return result }
      let before = tables.contents(in: memory)
      lie.tell(in: memory)
      let after = tables.contents(in: memory)
      result.lie = lie
      result.effect = LieEffect(before, after, asked: space)
      let report = try verifier.verify(built, options: options, profile: profile)
      judge(report, "built", &result)
      let file = ImageFile()
      try TableImage(after.tables, root: built.cr3, in: memory).writeRaw(
        to: file.path, byteCount: memory.byteCount)
      let image = try MemoryImage(
        path: file.path, reading: .raw(base: GuestPhysicalAddress(truncating: 0)))
      var expected = space
      expected.expectations = []
      let proof = try verifier.verify(
        image,
        ImageQuestion(
          cr3: built.cr3, configuration: built.configuration.withEveryPageSize,
          settings: space.processor,
          expectation: ImageExpectation(space: expected, placements: built.placements),
          pageAttributeTable: built.pageAttributeTable),
        options: options)
      judge(proof, "image", &result)
    } catch {
      result.faults.append((.failed, "\(error)"))
    }
    return result
  }

  private func judge(_ report: some ProofReport, _ what: String, _ result: inout Result) {
    result.executedCount += report.total.executedCount
    let isReported = report.verdict == .disagreement
    switch result.effect {
    case .matters where !isReported: result.faults.append((.missed, what))
    case .harmless where isReported:
      let first =
        report.disagreements.first.map { "\($0.verdict)" }
        ?? report.flagDisagreements.first.map { $0.message } ?? report.comparison?.differences.first
        .map { "\($0)" } ?? "no reason"
      result.faults.append((.invented, "\(what): \(first)"))
    case .matters, .harmless, .undetermined: break
    }
  }
}

extension PagingConfiguration {
  /// Tables are written, and meant, with pages of 1 GiB wherever they run.
  fileprivate var withEveryPageSize: PagingConfiguration {
    var result = self
    result.supports1GiBPages = true
    return result
  }
}
