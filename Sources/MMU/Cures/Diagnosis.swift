// Diagnosis: why an access fails, with cures that were tried and with what the tables look like.

/// An explanation with everything that the tables around an access say.
public struct Diagnosis: Sendable {
  /// The access.
  public let question: AccessQuestion
  /// Its walk.
  public let walk: Walk
  /// The rules that stop it.
  public let explanation: Explanation
  /// A table on the way that does not look like one; then it is the first cause.
  public let suspicion: Suspicion?
  /// Changes each of which lets the access through on its own, and which were tried; likelier first.
  public let cures: [Cure]
  /// What is seen of the tables, where it helps.
  public let looks: [Look]

  /// What to do in one line: the first cure, or what is seen where there is none.
  public var advice: String {
    let cure = cures.first.map { cure in
      (cure.condition.map { "\($0): " } ?? "") + cure.sentence
    }
    return cure ?? suspicion?.sentence ?? looks.first?.sentence
      ?? "no change of one entry lets the access through and leaves the rest as it is"
  }
}

extension AccessQuestion {
  /// Why the access fails, and what would let it succeed.
  ///
  /// - Complexity: up to 5 words for an access that succeeds, otherwise proportional to the number
  ///   of tables.
  public func diagnosis<Memory: PhysicalMemory & ~Copyable>(
    in memory: borrowing Memory, uses known: TableUses? = nil
  ) -> Diagnosis {
    let walk = walk(in: memory)
    let explanation = walk.explain(access, mode: mode, configuration: tables.configuration)
    var looks: [Look] = []
    if let step = walk.lastStep, EntryEvidence.isUniform(step.entry.rawValue) {
      let word = step.entry.rawValue
      let count = EntryEvidence(step, in: memory).words.count { $0 == word }
      looks.append(.overwritten(step, wordCount: count))
    }
    guard !explanation.blames.isEmpty else {
      return Diagnosis(
        question: self, walk: walk, explanation: explanation, suspicion: nil, cures: [],
        looks: looks)
    }
    let uses = known ?? TableUses(of: tables, in: memory)
    let proposals = CureProposals(
      question: self, walk: walk, blames: explanation.blames, uses: uses)
    let suspicion = walk.suspicion(configuration: tables.configuration, in: memory, uses)
    var cures: [Cure] = []
    var hasProposal = false
    if suspicion == nil && looks.isEmpty {
      for proposal in proposals.proposals(in: memory) {
        hasProposal = true
        if let cure = PageTables.tried(
          proposal, for: self, goal: .succeeds(at: nil), in: memory, uses)
        {
          cures.append(cure)
        }
      }
      if let cure = proposals.linkCure(in: memory) { cures.append(cure) }
    }
    if let other = proposals.otherRoot(in: memory),
      let cure = PageTables.tried(other, for: self, goal: .succeeds(at: nil), in: memory, uses)
    {
      cures.append(cure)
    }
    looks += self.looks(
      walk, explanation, uses, cures, hasProposal: hasProposal, in: memory)
    return Diagnosis(
      question: self, walk: walk, explanation: explanation, suspicion: suspicion, cures: cures,
      looks: looks)
  }

  private func looks<Memory: PhysicalMemory & ~Copyable>(
    _ walk: Walk, _ explanation: Explanation, _ uses: TableUses, _ cures: [Cure],
    hasProposal: Bool, in memory: borrowing Memory
  ) -> [Look] {
    var looks = linearAddressLooks(walk, in: memory)
    switch walk.end {
    case .page:
      if cures.isEmpty && hasProposal { looks.append(.everyCureHarms) }
    case .reservedBits(_, let reserved):
      if let step = walk.lastStep, step.entry.isLargePage,
        reserved & ~(PageTableEntry.Bit.address | PageTableEntry.Bit.pageSize) == 0,
        step.entry.tableAddress.rawValue & (step.level.span - 1) & ~0x1000 != 0,
        !EntryEvidence.isUniform(step.entry.rawValue)
      {
        looks.append(.misalignedPage(step))
      }
    case .notPresent:
      looks += absentLooks(walk, uses, cures, in: memory)
    case .tableOutsideMemory: break
    case .notCanonical:
      if cures.isEmpty {
        var meant = self
        meant.address = tables.configuration.linearAddressWidth.signExtended(address)
        let blame = meant.walk(in: memory).predict(
          access, mode: mode, configuration: tables.configuration
        ).blame
        looks.append(.signExtended(meant.address, blame))
      }
    }
    return looks
  }

  /// An entry whose upper bits are those of a linear address, where its walk ends because of them.
  private func linearAddressLooks<Memory: PhysicalMemory & ~Copyable>(
    _ walk: Walk, in memory: borrowing Memory
  ) -> [Look] {
    switch walk.end {
    case .reservedBits, .tableOutsideMemory: break
    default: return []
    }
    guard let step = walk.lastStep, step.entry.isPresent, step.entry.rawValue >> 47 == 0x1_ffff,
      !EntryEvidence.isUniform(step.entry.rawValue)
    else { return [] }
    let address = step.entry.rawValue & ~0xfff
    let physical = Self.kernelBases.lazy.map { address &- $0 }.first { physical in
      physical <= address && memory.hasWord(at: GuestPhysicalAddress(truncating: physical))
        && physical >> 52 == 0
    }
    return [.linearAddressInEntry(step, physical: physical)]
  }

  /// Where kernels map physical 0: their image at -2 GiB, or all memory at the start of the upper half.
  ///
  /// Source: Linux, `Documentation/arch/x86/x86_64/mm.rst`.
  private static let kernelBases: [UInt64] = [
    0xffff_ffff_8000_0000, 0xffff_8880_0000_0000, 0xffff_8000_0000_0000,
  ]

  /// What the present entries of the table say that the walk ends in.
  private func fillLooks<Memory: PhysicalMemory & ~Copyable>(
    _ step: WalkStep, in memory: borrowing Memory
  ) -> [Look] {
    // Words that cannot be read are not known to be absent.
    let table = step.entryAddress.rawValue & ~0xfff
    let isWhole = (0..<512 as Range<UInt64>).allSatisfy {
      memory.hasWord(at: GuestPhysicalAddress(truncating: table + $0 * 8))
    }
    guard isWhole else { return [] }
    let words = EntryEvidence(step, in: memory).words
    let present = words.indices.filter { words[$0] & PageTableEntry.Bit.present != 0 }
    if present.isEmpty { return [.emptyTable(step)] }
    return present.count == 1 ? [.onlyEntry(step, index: present[0])] : []
  }

  private func absentLooks<Memory: PhysicalMemory & ~Copyable>(
    _ walk: Walk, _ uses: TableUses, _ cures: [Cure], in memory: borrowing Memory
  ) -> [Look] {
    var looks: [Look] = []
    if !uses.isRecursive, let above = walk.steps.dropLast().last {
      let frame = above.entry.tableAddress.rawValue
      let place = EntryReference(above.entryAddress, level: above.level)
      if let lower = above.level.lower,
        let link = uses.links(to: frame, at: lower).first(where: { $0 != place })
      {
        looks.append(.linkedTwice(above, link))
      }
    }
    guard cures.isEmpty else { return looks }
    if let step = walk.lastStep, let index = misplacedIndex(of: step, in: memory) {
      looks.append(.linkedAtOtherIndex(step, index: index))
    }
    let neighbours = tables.neighbours(of: address, in: memory)
    if neighbours.below != nil || neighbours.above != nil {
      looks.append(.neighbours(neighbours))
    } else if looks.isEmpty, let step = walk.lastStep {
      looks += fillLooks(step, in: memory)
    }
    if let physical = continuation(neighbours),
      let linear = tables.linearAddresses(of: physical, limit: 1, in: memory).first
    {
      looks.append(.continuationMapped(physical: physical, at: linear))
    } else if address >> 46 == 0,
      let linear = tables.linearAddresses(of: address, limit: 1, in: memory).first
    {
      looks.append(.physicalAddress(mappedAt: linear))
    }
    return looks
  }

  /// The physical address of the page that would continue a run which touches this one's.
  private func continuation(_ neighbours: AddressNeighbours) -> UInt64? {
    let page = address & ~0xfff
    if let above = neighbours.above, above.linearAddress == page &+ 0x1000,
      above.physicalAddress.rawValue >= 0x1000
    {
      return above.physicalAddress.rawValue - 0x1000
    }
    if let below = neighbours.below, below.lastAddress &+ 1 == page {
      return below.physicalAddress.rawValue &+ below.byteCount
    }
    return nil
  }

  /// The index of an entry of the same table that continues what stands beside `step`, and breaks
  /// what stands beside itself; nil unless there is exactly one.
  private func misplacedIndex<Memory: PhysicalMemory & ~Copyable>(
    of step: WalkStep, in memory: borrowing Memory
  ) -> Int? {
    let words = EntryEvidence(step, in: memory).words
    func start(_ index: Int) -> UInt64? {
      guard words.indices.contains(index) else { return nil }
      return Self.firstPage(PageTableEntry(words[index], at: step.level), in: memory)
    }
    let span = step.level.span
    let wanted =
      start(step.index - 1).map { $0 &+ span } ?? start(step.index + 1).map { $0 &- span }
    guard let wanted else { return nil }
    let found = words.indices.filter { index in
      guard index != step.index, start(index) == wanted else { return false }
      let before = start(index - 1).map { $0 &+ span == wanted } ?? false
      let after = start(index + 1).map { $0 &- span == wanted } ?? false
      return !before && !after
    }
    return found.count == 1 ? found[0] : nil
  }

  /// Where what `entry` leads to begins in physical memory, by the first page below it.
  private static func firstPage<Memory: PhysicalMemory & ~Copyable>(
    _ entry: PageTableEntry, in memory: borrowing Memory
  ) -> UInt64? {
    guard entry.isPresent else { return nil }
    if entry.isLeaf { return entry.pageAddress.rawValue }
    guard let lower = entry.level.lower else { return nil }
    for index in 0..<512 as Range<UInt64> {
      guard
        let word = memory.loadWord(
          at: GuestPhysicalAddress(truncating: entry.tableAddress.rawValue + index * 8)),
        word & 1 != 0
      else { continue }
      return firstPage(PageTableEntry(word, at: lower), in: memory).map {
        $0 &- index &* lower.span
      }
    }
    return nil
  }
}
