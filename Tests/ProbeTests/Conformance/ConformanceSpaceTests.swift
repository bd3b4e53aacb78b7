// What conform's cases are, before any machine is asked: modes, matrices, sequences, samples and counts.

import GuestImages
import MMU
import Testing

@testable import Probe

@Suite("The space of cases has every case once, and says what it leaves out")
struct ConformanceSpaceTests {
  static let everything = Set(MachineFeature.allCases)

  static func machine(_ features: Set<MachineFeature>) -> MachineProfile {
    var machine = MachineProfile.anyMachine
    machine.physicalAddressWidth = 46
    machine.features = features
    return machine
  }

  /// All sets of features that modes depend on, with what machines always have.
  static var modeFeatures: [Set<MachineFeature>] {
    let optional: [MachineFeature] = [
      .smep, .smap, .protectionKeys, .supervisorProtectionKeys,
    ]
    return (0..<16).map { number in
      Set(optional.indices.filter { number >> $0 & 1 != 0 }.map { optional[$0] })
    }
  }

  @Test("modes turn on what the machine has, in every combination, and nothing else")
  func modes() {
    for features in Self.modeFeatures {
      let hasSMAP = features.contains(.smap)
      let hasKeys = features.contains(.protectionKeys)
      let hasSupervisorKeys = features.contains(.supervisorProtectionKeys)
      let standard = ConformanceModes.standard.settings(for: features)
      let keys = ConformanceModes.keys.settings(for: features)
      let access = ConformanceModes.access.settings(for: features)
      for settings in standard + keys + access {
        #expect(!settings.isSMEPEnabled || features.contains(.smep))
        #expect(!settings.isSMAPEnabled || hasSMAP)
        #expect(!settings.isPKEEnabled || hasKeys)
        #expect(!settings.isPKSEnabled || hasSupervisorKeys)
        #expect(settings.isSMAPEnabled || !settings.isAlignmentCheckFlagSet)
        #expect(settings.isPKEEnabled || settings.pkru == 0)
        #expect(settings.isPKSEnabled || settings.pkrs == 0)
        // The agent's own pages have key 0.
        #expect(settings.pkrs & 3 == 0)
      }
      for list in [standard, keys, access] { #expect(Set(list).count == list.count) }
      #expect(standard.count == 4 * (features.contains(.smep) ? 2 : 1) * (hasSMAP ? 3 : 1))
      let registers = (hasKeys ? 1 : 0) + (hasSupervisorKeys ? 1 : 0)
      #expect(
        keys.count == 2 * (hasSMAP ? 3 : 1) * 4 * [0, 1, 3][registers], "\(features)")
      #expect(access.count == (hasKeys ? 20 : 4))
    }
  }

  @Test("four values of each register give every right to each key")
  func keyRegisters() {
    let keys = ConformanceModes.keys.settings(for: Self.everything)
    for key in 0..<16 as Range<UInt32> {
      let users = Set(keys.filter(\.isPKEEnabled).map { $0.pkru >> (2 * key) & 3 })
      let supervisors = Set(keys.filter(\.isPKSEnabled).map { $0.pkrs >> (2 * key) & 3 })
      #expect(users == [0, 1, 2, 3])
      #expect(supervisors == (key == 0 ? [0] : [0, 1, 2, 3]))
    }
    // With a key's register, what PKRU says of keys 1 and 2 is the same space again.
    let access = ConformanceModes.access.settings(for: [.protectionKeys])
    #expect(Set(access.filter(\.isPKEEnabled).map { $0.pkru >> 2 & 3 }) == [0, 1, 2, 3])
    #expect(access.filter(\.isPKEEnabled).allSatisfy { $0.pkru >> 4 == 3 && $0.pkru & 3 == 0 })
  }

  @Test("pages side by side lie below entries with A set of every right, and below an open one")
  func pagesSideBySide() throws {
    let machine = Self.machine(Self.everything)
    let matrices = try Conformance(PaperFactory()).plan(.full, machine).matrices
    let pairs = matrices.filter { $0.name.hasSuffix("s of pages side by side") }
    #expect(Set(pairs.map { $0.name.prefix(4) }) == ["PTEs", "PDEs"])
    for matrix in pairs {
      let upper = matrix.upper.map(\.bits)
      let expected: [UInt64] =
        matrix.upperLevel == .pageDirectory ? [0x27, 0x25, 0x23, 1 << 63 | 0x27] : [0x7]
      #expect(upper == expected, "\(matrix.name)")
      #expect(matrix.accesses == [.crossingRead, .crossingWrite])
    }
  }

  @Test("subsets stand in the order of their numbers")
  func subsets() {
    #expect(EntryVariant.subsets(of: [1, 2, 4]) == [0, 1, 2, 3, 4, 5, 6, 7])
    #expect(EntryVariant.subsets(of: [8, 1]) == [0, 8, 1, 9])
    #expect(EntryVariant.subsets(of: []) == [0])
  }

  @Test("with a key the leaf has key 1, and what leads to a table has key 2")
  func accessKeys() {
    for rootLevel in [Level.pageMapLevel4, .pageMapLevel5] {
      let matrices = ConformanceMatrix.access(rootLevel: rootLevel, addressWidth: 36, hasKeys: true)
      #expect(
        matrices.map(\.name) == [
          "access", "access, read-only PDPTE", "access, with keys",
          "access, read-only PDPTE, with keys",
        ])
      for (number, matrix) in matrices.enumerated() {
        for upper in matrix.upper {
          let isLeaf = upper.bits & 1 << 7 != 0
          #expect(upper.bits >> 59 & 15 == (number < 2 ? 0 : isLeaf ? 1 : 2))
        }
        for lower in matrix.lower { #expect(lower.bits >> 59 & 15 == (number < 2 ? 0 : 1)) }
        let keyless = Set(matrix.upper.map { $0.bits & ~(15 << 59) })
        #expect(keyless == Set(matrices[0].upper.map(\.bits)))
        #expect(matrix.readOnlyLevel == (number % 2 == 0 ? nil : .pageDirectoryPointerTable))
      }
      let keyless = ConformanceMatrix.access(rootLevel: rootLevel, addressWidth: 36, hasKeys: false)
      #expect(keyless.map(\.name) == ["access", "access, read-only PDPTE"])
    }
  }

  @Test("each flag of the PDE above descriptors is another one by itself")
  func descriptors() throws {
    for rootLevel in [Level.pageMapLevel4, .pageMapLevel5] {
      let matrix = try #require(
        ConformanceMatrix.full(
          rootLevel: rootLevel, addressWidth: 46, features: Self.everything
        ).first { $0.accesses == [.descriptor] })
      let open: UInt64 = 7
      let flags: [UInt64] = [0, 1, 2, 4, 1 << 63, 1 << 5]
      #expect(matrix.upper.map(\.bits) == flags.map { open ^ $0 })
      #expect(matrix.hasLeaves && matrix.upperLevel == .pageDirectory)
    }
  }

  @Test("a plan has the cases of its blocks, and lacks what the machine lacks")
  func counts() {
    for profile in ConformanceProfile.allCases {
      let whole = ConformancePlan(profile, for: Self.machine(Self.everything))
      var sum = 0
      for block in whole.blocks { sum += block.caseCount }
      #expect(whole.caseCount == sum && sum > 0)
      #expect(whole.blocks.map(\.index) == Array(whole.blocks.indices))
      #expect(whole.notRun == (profile == .access ? [:] : [.noPCID: 12]))
    }
    let reasons: [(MachineFeature, NotRunReason)] = [
      (.fiveLevelPaging, .no5LevelPaging), (.oneGiBPages, .no1GiBPages),
      (.protectionKeys, .noProtectionKeys),
      (.supervisorProtectionKeys, .noSupervisorProtectionKeys), (.smep, .noSMEP),
      (.smap, .noSMAP),
    ]
    let whole = ConformancePlan(.full, for: Self.machine(Self.everything))
    for (feature, reason) in reasons {
      let plan = ConformancePlan(
        .full, for: Self.machine(Self.everything.subtracting([feature])))
      #expect(Set(plan.notRun.keys) == [reason, .noPCID])
      #expect(plan.notRun[reason] ?? 0 > 0)
      // A machine without 1 GiB pages has cases of its own, which show that.
      if feature != .oneGiBPages {
        #expect(plan.caseCount + (plan.notRun[reason] ?? 0) == whole.caseCount)
      }
    }
    let none = ConformancePlan(.full, for: Self.machine([.noExecute, .writeProtect]))
    #expect(Set(none.notRun.keys) == Set(reasons.map(\.1) + [.noPCID]))
    let blind = ConformancePlan(
      .full, for: Self.machine(Self.everything), readsDescriptors: false)
    #expect(Set(blind.notRun.keys) == [.noDescriptorReads, .noPCID])
    #expect(blind.caseCount + (blind.notRun[.noDescriptorReads] ?? 0) == whole.caseCount)
  }

  @Test("quick is every 128th case of full, each block from another place, and no two alike")
  func quick() {
    let selection = ConformanceSelection.quick
    let everything = ConformanceSelection.everything
    for pairCount in [127, 128, 129, 12_800] {
      var seen = 0
      for block in 0..<256 {
        let pairs = Array(
          selection.pairs(ofBlock: block, rowLength: 10, pairCount: pairCount))
        for (first, next) in zip(pairs, pairs.dropFirst()) { #expect(next - first == 128) }
        #expect(pairs.allSatisfy { (0..<pairCount).contains($0) })
        if pairCount == 12_800 { #expect(pairs.count == 100) }
        seen += pairs.count
      }
      // All blocks together have as many cases as every 128th would be, more or less.
      #expect(abs(seen - 2 * pairCount) <= pairCount / 8)
      #expect(Array(everything.pairs(ofBlock: 3, rowLength: 10, pairCount: 5)) == [0, 1, 2, 3, 4])
    }
    #expect(
      Array(
        ConformanceSelection.pair(upper: 2, lower: 3).pairs(
          ofBlock: 9, rowLength: 10, pairCount: 100)) == [23])
  }

  @Test("quick has every 4th sequence, and those about addresses that are not canonical")
  func quickSequences() {
    let plan = ConformancePlan(.quick, for: Self.machine(Self.everything))
    let run = plan.sequences.indices.filter {
      ConformanceSelection.quick.includes(plan.sequences[$0], at: $0)
    }
    let rest = run.filter { !plan.sequences[$0].isInEverySample }
    #expect(rest.allSatisfy { $0 % 8 == 0 || $0 % 8 == 3 })
    #expect(rest.count * 4 >= plan.sequences.count - 8)
    #expect(
      plan.sequences.allSatisfy {
        $0.isInEverySample == $0.name.hasPrefix("addresses that are not canonical")
      })
    #expect(run.count - rest.count <= 4 && run.count > rest.count)
  }

  @Test("the ends of the hole between the canonical halves are among the addresses that are not")
  func holeEnds() throws {
    let plan = ConformancePlan(.full, for: Self.machine(Self.everything))
    let sequences = plan.sequences.filter {
      $0.name.hasPrefix("addresses that are not canonical")
    }
    for rootLevel in [Level.pageMapLevel4, .pageMapLevel5] {
      let width: UInt64 = rootLevel == .pageMapLevel5 ? 57 : 48
      var found: Set<UInt64> = []
      for sequence in sequences where sequence.space.rootLevel == rootLevel {
        for step in sequence.steps {
          if case .access(_, _, let addresses, _) = step { found.formUnion(addresses) }
        }
      }
      let hole = 1 << (width - 1)..<UInt64.max << (width - 1)
      #expect(found.isSuperset(of: [hole.lowerBound, hole.upperBound - 0x1000, 1 << 63]))
      // Each high bit of a mapped address, turned over by itself.
      let singles = (width..<64).allSatisfy { bit in
        found.contains { $0 >> bit & 1 != 0 && $0 & ~(1 << bit) < 1 << (width - 1) }
      }
      #expect(singles, "\(rootLevel)")
    }
  }

  @Test(
    "a block says its mode and its access, and that a supervisor read comes first where it does")
  func blockWords() {
    var settings = ProcessorSettings()
    settings.isSMAPEnabled = true
    settings.isAlignmentCheckFlagSet = true
    settings.isPKEEnabled = true
    settings.pkru = 0x30
    var block = MatrixBlock(matrix: 0, settings: settings, privilege: .user, access: .lockedOr)
    let words = "NXE=1 WP=1 SMAP=1 AC=1 PKE=1 PKRU=0x30: locked write at CPL 3"
    #expect(block.words == words)
    block.isPrecededByRead = true
    #expect(block.words == words + " after a supervisor read")
    let plan = ConformancePlan(.full, for: Self.machine(Self.everything))
    for block in plan.blocks {
      if case .matrix(let work) = block.work { #expect(!work.isPrecededByRead) }
    }
  }

  @Test("a mismatch is one line, with what is wrong with A and D where that is it")
  func mismatchWords() {
    var mismatch = ConformanceMismatch(
      matrix: "PDE and PTE", block: 7, mode: "NXE=1 WP=0: read at CPL 3", entries: [],
      address: 0x8000_0000, modelled: "success", executed: "#GP")
    let words =
      "NXE=1 WP=0: read at CPL 3, PDE and PTE, at 0x8000_0000: the model says success,"
      + " the machine #GP"
    #expect(mismatch.words == words)
    mismatch.flags = "0x27 became 0x7"
    #expect(mismatch.words == words + "; 0x27 became 0x7")
  }

  @Test("no word that one access needs in a frame is one that another one writes")
  func stamps() {
    let writes = Set(
      (0..<ConformanceStamp.writeSlotCount).map {
        ConformanceAccess.write.offset(writeSlot: $0)
      })
    #expect(writes.count == ConformanceStamp.writeSlotCount)
    for access in ConformanceAccess.allCases {
      let offset = access.offset(writeSlot: 0)
      switch access {
      case .write, .push, .call, .lockedOr: #expect(writes.contains(offset))
      case .crossingRead, .crossingWrite: #expect(offset == 0xffc)
      case .read, .pop, .fetch, .descriptor:
        // A fetch needs the code and the address behind it, up to its jump.
        let end = offset + (access == .fetch ? 13 : 8)
        #expect(writes.allSatisfy { $0 >= end || $0 + 8 <= offset }, "\(access)")
        #expect(offset >= (access == .fetch ? 6 : 8) && end <= 0xff8)
      }
      for slot in writes { #expect(slot >= 8 && slot + 8 <= 0xff8 && slot % 8 == 0) }
    }
  }

  @Test("every sequence has a name of its own, and stands in whole words of its tables")
  func sequences() {
    for rootLevel in [Level.pageMapLevel4, .pageMapLevel5] {
      let all = ConformanceSequence.all(
        rootLevel: rootLevel, addressWidth: 46, features: Self.everything)
      #expect(Set(all.map(\.name)).count == all.count)
      for sequence in all {
        #expect(sequence.name.hasSuffix(", 5 levels") == (rootLevel == .pageMapLevel5))
        let space = sequence.space
        #expect(space.rootLevel == rootLevel)
        let end = SequenceSpace.tablesAddress + UInt64(space.frameCount) * 4096
        #expect(end <= SequenceSpace.tablesAddress + SequenceSpace.tablesByteCount)
        #expect(space.words.keys.allSatisfy { $0 % 8 == 0 && $0 >= space.root && $0 < end })
        for case .store(let place, _) in sequence.steps {
          #expect(place % 8 == 0 && place >= space.root && place < end)
        }
      }
      let levels = ["PDE", "PDPTE", "PML4E"] + (rootLevel == .pageMapLevel5 ? ["PML5E"] : [])
      let suffix = rootLevel == .pageMapLevel5 ? ", 5 levels" : ""
      #expect(
        Set(all.map(\.name).filter { $0.hasPrefix("a table below two ") })
          == Set(levels.map { "a table below two \($0)s\(suffix)" }))
    }
    let features = Self.everything.subtracting([.smep])
    #expect(
      !ConformanceSequence.all(rootLevel: .pageMapLevel4, addressWidth: 46, features: features)
        .contains { $0.settings.isSMEPEnabled })
  }

  @Test("options begin with the quick profile, whole, an hour of time and nobody to end it")
  func defaults() {
    let options = ConformanceOptions()
    #expect(options.profile == .quick && options.shard == .whole)
    #expect(options.timeLimit == .seconds(3600))
    #expect(options.workerCount == processorCount())
    #expect(!options.isCancelled())
    #expect(options.finished == nil && options.observer == nil && options.selection == nil)
    #expect(options.sampledOneIn == nil && options.missingRule == nil)
  }
}
