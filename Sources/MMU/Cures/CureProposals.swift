// CureProposals: what could let an access through, the likeliest first; each is tried before use.

/// Makes proposals for one access that fails.
struct CureProposals {
  let question: AccessQuestion
  let walk: Walk
  let blames: [Blame]
  let uses: TableUses
  typealias Bit = PageTableEntry.Bit

  /// The proposals for the end of the walk.
  func proposals<Memory: PhysicalMemory & ~Copyable>(
    in memory: borrowing Memory
  ) -> [ProposedCure] {
    switch walk.end {
    case .page: forRights().map { [$0] } ?? []
    case .reservedBits(_, let reserved): forReserved(reserved, in: memory)
    case .notPresent: forAbsent(in: memory)
    case .tableOutsideMemory: []
    case .notCanonical:
      [
        ProposedCure(processorChanges: [
          .useAddress(
            question.tables.configuration.linearAddressWidth.signExtended(question.address))
        ])
      ]
    }
  }

  /// All that stops an access to a page that was found, mended together.
  private func forRights() -> ProposedCure? {
    var words: [(step: WalkStep, flipped: UInt64)] = []
    var proposal = ProposedCure()
    func flip(_ bits: UInt64, of step: WalkStep?) {
      guard let step else { return }
      // A recursive slot is read at several levels, and is one word.
      if let index = words.firstIndex(where: { $0.step.entryAddress == step.entryAddress }) {
        words[index].flipped |= bits
      } else {
        words.append((step, bits))
      }
    }
    for blame in blames {
      switch blame.rule {
      case .smapStopsSupervisorRead, .smapStopsSupervisorWrite:
        guard question.access.origin == .implicitSupervisor else {
          proposal.processorChanges.append(.setAlignmentCheckFlag)
          continue
        }
        flip(Bit.userSupervisor, of: blame.step)
      case .smepStopsSupervisorFetch: flip(Bit.userSupervisor, of: blame.step)
      case .userKeyAccessDisable, .userKeyWriteDisable:
        proposal.processorChanges.append(.clearPKRU(stoppingBits(question.mode.pkru)))
      case .supervisorKeyAccessDisable, .supervisorKeyWriteDisable:
        proposal.processorChanges.append(.clearPKRS(stoppingBits(question.mode.pkrs)))
      default: flip(blame.bits, of: blame.step)
      }
    }
    proposal.changes = words.map { EntryChange($0.step, to: $0.step.entry.rawValue ^ $0.flipped) }
      .sorted { $0.step.level > $1.step.level }
    return proposal
  }

  /// AD, and WD where a write is stopped by it, of the page's key.
  private func stoppingBits(_ register: UInt32) -> UInt32 {
    let lowest = UInt32(walk.translation?.protectionKey ?? 0) * 2
    let isUserMode = AccessRights(question.access, mode: question.mode, rules: EveryRule())
      .isUserMode
    let isWriteBound =
      question.access.kind == .write && (isUserMode || question.mode.isWriteProtectEnabled)
    return register & (isWriteBound ? 0b11 : 0b01) << lowest
  }

  /// Reserved bits: clearing one is a cure only where something else says what the entry holds.
  private func forReserved<Memory: PhysicalMemory & ~Copyable>(
    _ reserved: UInt64, in memory: borrowing Memory
  ) -> [ProposedCure] {
    guard let step = walk.lastStep, !EntryEvidence.isUniform(step.entry.rawValue) else { return [] }
    let word = step.entry.rawValue
    let cleared = ProposedCure(changes: [EntryChange(step, to: word & ~reserved)])
    if reserved == Bit.noExecute {
      return [ProposedCure(processorChanges: [.setNoExecuteEnable]), cleared]
    }
    var proposals: [ProposedCure] = []
    if reserved == Bit.pageSize && step.level == .pageDirectoryPointerTable {
      proposals.append(ProposedCure(processorChanges: [.use1GiBPages]))
    }
    if step.entry.isLargePage, let lower = tableBelow(step, word & ~Bit.pageSize, in: memory) {
      // PS in an entry that links a table which nobody else links.
      if !uses.isUsed(lower) {
        proposals.append(
          ProposedCure(changes: [EntryChange(step, to: word & ~Bit.pageSize)]))
      }
    }
    guard reserved.nonzeroBitCount == 1 else { return proposals }
    let isLeaf = step.entry.isLeaf
    if !isLeaf, let lower = tableBelow(step, word & ~reserved, in: memory), !uses.isUsed(lower) {
      proposals.append(cleared)
    }
    if isLeaf && reserved != Bit.pageSize,
      EntryEvidence(step, in: memory).pageBetweenNeighbours
        == PageTableEntry(word & ~reserved, at: step.level).pageAddress.rawValue
    {
      proposals.append(cleared)
    }
    return proposals
  }

  /// P clear in a word that is an entry otherwise.
  private func forAbsent<Memory: PhysicalMemory & ~Copyable>(
    in memory: borrowing Memory
  ) -> [ProposedCure] {
    guard let step = walk.lastStep else { return [] }
    let entry = PageTableEntry(step.entry.rawValue | Bit.present, at: step.level)
    guard EntryEvidence(step, in: memory).looksLikeEntryWithoutPresent,
      entry.reservedBits(in: question.tables.configuration) == 0
    else { return [] }
    if entry.isLeaf {
      // A page far from all memory and all other pages: a swap entry, or an inverted one.
      let page = entry.pageAddress
      guard
        memory.loadWord(at: page) != nil
          || page.rawValue &+ entry.level.span <= question.tables.highestPageEnd(in: memory)
      else { return [] }
    } else if uses.isUsed(entry.tableAddress.rawValue) {
      return []
    }
    return [ProposedCure(changes: [EntryChange(step, to: entry.rawValue)])]
  }

  /// The frame that `word` links as a table, where memory is.
  private func tableBelow<Memory: PhysicalMemory & ~Copyable>(
    _ step: WalkStep, _ word: UInt64, in memory: borrowing Memory
  ) -> UInt64? {
    let entry = PageTableEntry(word, at: step.level)
    guard !entry.isLeaf, memory.loadWord(at: entry.tableAddress) != nil else { return nil }
    return entry.tableAddress.rawValue
  }

  /// A link that leads out of memory and to a table that nobody else links when one bit changes.
  ///
  /// Nil unless exactly one bit does it.
  func linkCure<Memory: PhysicalMemory & ~Copyable>(in memory: borrowing Memory) -> Cure? {
    guard case .tableOutsideMemory = walk.end, let step = walk.lastStep,
      !EntryEvidence.isUniform(step.entry.rawValue),
      EntryEvidence(step, in: memory).looksLikeMovedLink
    else { return nil }
    var found: Cure?
    for bit in 12..<52 as Range<UInt64> {
      let word = step.entry.rawValue ^ 1 << bit
      guard let lower = tableBelow(step, word, in: memory), !uses.isUsed(lower),
        let cure = PageTables.tried(
          ProposedCure(changes: [EntryChange(step, to: word)]), for: question,
          goal: .succeeds(at: nil), in: memory, uses)
      else { continue }
      if found != nil { return nil }
      found = cure
    }
    return found
  }

  /// The other root of a pair, of which one has the kernel's half only: bit 12 of CR3 selects it.
  ///
  /// Source: Linux, `arch/x86/include/asm/pgtable.h` (PTI_PGTABLE_SWITCH_BIT is bit 12).
  func otherRoot<Memory: PhysicalMemory & ~Copyable>(in memory: borrowing Memory) -> ProposedCure? {
    let other = GuestPhysicalAddress(truncating: question.tables.rootAddress.rawValue ^ 0x1000)
    guard !uses.isUsed(other.rawValue), memory.loadWord(at: other) != nil else { return nil }
    return ProposedCure(processorChanges: [.loadRoot(other)])
  }
}
