// Explanations of pages whose rights stop an access, against a plain reading of section 5.6.

import MMU
import TestSupport
import Testing

/// A blame with its words, for comparison.
private struct PlainBlame: Hashable {
  var rule: ArchitectureRule
  var level: Level?
  var bits: UInt64
  var sentence: String
}

/// An access to a page, with the words of every entry on the way.
private struct PlainAccess {
  let steps: [WalkStep]
  let access: Access
  let mode: CPUMode

  var isImplicit: Bool { access.kind != .fetch && access.origin == .implicitSupervisor }
  var isUserMode: Bool { mode.privilege == .user && !isImplicit }
  func lacks(_ bit: UInt64) -> [WalkStep] { steps.filter { $0.entry.rawValue >> bit & 1 == 0 } }
  func has(_ bit: UInt64) -> [WalkStep] { steps.filter { $0.entry.rawValue >> bit & 1 == 1 } }

  func place(_ step: WalkStep) -> String {
    let name = ["", "PTE", "PDE", "PDPTE", "PML4E", "PML5E"][Int(step.level.rawValue)]
    return "the \(name) at 0x\(String(step.entryAddress.rawValue, radix: 16)) "
      + "(level \(step.level.rawValue), index \(step.entryAddress.rawValue / 8 % 512))"
  }

  static func rule(_ name: String, _ level: Level) -> ArchitectureRule? {
    let entry = ["", "pte", "pde", "pdpte", "pml4e", "pml5e"][Int(level.rawValue)]
    return ArchitectureRule.allCases.first { $0.id == "\(name)-in-\(entry)" }
  }

  /// Everything that stops the access, in the order of the explanation.
  func blames() throws -> [PlainBlame] {
    var blames: [PlainBlame] = []
    let leaf = try #require(steps.last)
    let isWrite = access.kind == .write
    let isFetch = access.kind == .fetch
    if isUserMode {
      for step in lacks(2) {
        blames.append(
          PlainBlame(
            rule: try #require(Self.rule("user-supervisor", step.level)), level: step.level,
            bits: 4, sentence: "bit 2 (U/S) is clear in \(place(step))"))
      }
    }
    if isWrite && (isUserMode || mode.isWriteProtectEnabled) {
      for step in lacks(1) {
        blames.append(
          PlainBlame(
            rule: try #require(Self.rule("read-write", step.level)), level: step.level, bits: 2,
            sentence: "bit 1 (R/W) is clear in \(place(step))"))
      }
    }
    if isFetch {
      for step in has(63) {
        blames.append(
          PlainBlame(
            rule: try #require(Self.rule("no-execute", step.level)), level: step.level,
            bits: 1 << 63, sentence: "bit 63 (XD) is set in \(place(step))"))
      }
    }
    let isUserPage = lacks(2).isEmpty
    if isFetch && !isUserMode && isUserPage && mode.isSMEPEnabled {
      blames.append(
        PlainBlame(
          rule: .smepStopsSupervisorFetch, level: leaf.level, bits: 4,
          sentence: "\(place(leaf)) maps a user page, and CR4.SMEP is set"))
    }
    if !isFetch && !isUserMode && isUserPage && mode.isSMAPEnabled
      && (isImplicit || !mode.isAlignmentCheckFlagSet)
    {
      blames.append(
        PlainBlame(
          rule: isWrite ? .smapStopsSupervisorWrite : .smapStopsSupervisorRead, level: leaf.level,
          bits: 4, sentence: "\(place(leaf)) maps a user page, and CR4.SMAP is set"))
    }
    if let blame = keyBlame(leaf, asUser: isUserPage || isUserMode) { blames.append(blame) }
    return blames
  }

  /// What the key of the page stops: as a user's page where U/S would have to be set anyway.
  private func keyBlame(_ leaf: WalkStep, asUser: Bool) -> PlainBlame? {
    guard access.kind != .fetch, asUser ? mode.isPKEEnabled : mode.isPKSEnabled else { return nil }
    let key = leaf.entry.rawValue >> 59 & 15
    let rights = (asUser ? mode.pkru : mode.pkrs) >> UInt32(key * 2) & 3
    let isWriteBound =
      access.kind == .write && (isUserMode || mode.isWriteProtectEnabled)
    let stopping = rights & (isWriteBound ? 3 : 1)
    guard stopping != 0 else { return nil }
    let register = asUser ? "PKRU" : "IA32_PKRS"
    let isAll = stopping & 1 != 0
    return PlainBlame(
      rule: isAll
        ? (asUser ? .userKeyAccessDisable : .supervisorKeyAccessDisable)
        : (asUser ? .userKeyWriteDisable : .supervisorKeyWriteDisable),
      level: leaf.level, bits: 15 << 59,
      sentence: "\(register) forbids \(isAll ? "accesses" : "writes") by key \(key), the key of "
        + place(leaf))
  }
}

@Suite("An explanation is what a plain reading of the manual makes of the entries")
struct ExplanationComparisonTests {
  @Test("Every combination of rights on the way, in random modes, by every access")
  func rights() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    var counts: [ArchitectureRule: Int] = [:]
    var caseCount = 0
    for levels in [Level.pageMapLevel4, .pageMapLevel5] {
      let configuration = try PagingConfiguration(rootLevel: levels, physicalAddressWidth: 40)
      for size in PageSize.allCases {
        let onTheWay = Level.allCases.filter { $0 >= size.level && $0 <= levels }
        // One bit of each entry says whether it is as the rights are, or all rights.
        for rights in 0..<8 as Range<UInt64> {
          for places in 0..<(1 << onTheWay.count) {
            var path = TablePath(configuration)
            path.map(leaf: size.level)
            for (index, level) in onTheWay.enumerated() where places >> index & 1 != 0 {
              path[level] = path[level] & ~6 | (rights & 3) << 1 | (rights >> 2) << 63
            }
            path[size.level] |= UInt64.random(in: 0...15, using: &random) << 59
            for kind in AccessKind.allCases {
              for origin in AccessOrigin.allCases {
                try compare(
                  path, Access(kind, origin: origin), Self.mode(&random), "seed \(seed)", &counts)
                caseCount += 1
              }
            }
          }
        }
      }
    }
    print("explanations: \(caseCount) agree, \(counts.count) rules, seed \(seed)")
    // U/S, R/W and XD at five levels each, SMEP, two of SMAP, four of keys.
    #expect(counts.count == 22 && caseCount > 5000)
  }

  private static func mode(_ random: inout SeededGenerator) -> CPUMode {
    var mode = CPUMode(privilege: Bool.random(using: &random) ? .user : .supervisor)
    mode.isWriteProtectEnabled = Bool.random(using: &random)
    mode.isSMEPEnabled = Bool.random(using: &random)
    mode.isSMAPEnabled = Bool.random(using: &random)
    mode.isAlignmentCheckFlagSet = Bool.random(using: &random)
    mode.isPKEEnabled = Bool.random(using: &random)
    mode.isPKSEnabled = Bool.random(using: &random)
    mode.pkru = UInt32(truncatingIfNeeded: random.next())
    mode.pkrs = UInt32(truncatingIfNeeded: random.next())
    return mode
  }

  private func compare(
    _ path: TablePath, _ access: Access, _ mode: CPUMode, _ comment: Comment,
    _ counts: inout [ArchitectureRule: Int]
  ) throws {
    let walk = path.walk
    let explanation = walk.explain(access, mode: mode, configuration: path.configuration)
    let steps = (0..<walk.stepCount).map { walk.step($0) }
    let plain = try PlainAccess(steps: steps, access: access, mode: mode).blames()
    let found = explanation.blames.map { blame in
      PlainBlame(
        rule: blame.rule, level: blame.level, bits: blame.bits, sentence: blame.sentence)
    }
    #expect(found == plain, "\(comment.rawValue): \(access) in \(mode)")
    #expect(explanation.blame == explanation.blames.first)
    #expect(explanation.prediction.blame == explanation.blame)
    if case .success = explanation.prediction.outcome {
      #expect(plain.isEmpty, comment)
    } else {
      #expect(!plain.isEmpty, comment)
    }
    for blame in plain { counts[blame.rule, default: 0] += 1 }
  }
}
