// FaultFinder, the cause: a name for what was found.

import MMU

extension FaultFinder {
  /// Names the cause of what was found.
  mutating func decide() {
    let vector = result.vector ?? shownVector
    if outcome.end == .tripleFault || result.access?.role == .handler { deliver(vector) }
    let firstObstacle = result.delivery.first { $0.cause != nil }
    if let access = result.access {
      let named = cause(of: access)
      // A kernel that has an IDT for the exception counts on its delivery.
      let counts = hasGate(vector)
      if access.role == .data, counts, outcome.end == .tripleFault, let firstObstacle,
        let cause = firstObstacle.cause, !named.isOfRoot
      {
        result.cause = cause
        result.blame = firstObstacle.blame
        result.notes.append(
          "the exception itself, \(named.sentence), is one that the kernel has a handler for")
      } else {
        result.cause = named
        result.blame = blame(of: access.diagnosis)
        noteOldRoot(access)
      }
      return
    }
    if let known = result.vector {
      // Where there is no gate, nobody meant to handle it.
      if hasGate(known), let obstacle = firstObstacle, let cause = obstacle.cause {
        result.cause = cause
        result.blame = obstacle.blame
        result.notes.append("the exception itself was \(ExceptionVector.name(known))")
      } else {
        result.cause = .otherException(known)
      }
    } else if let firstObstacle, let cause = firstObstacle.cause, cause.isOfEveryVector {
      result.cause = cause
      result.blame = firstObstacle.blame
    } else if outcome.initialCR2 == registers.cr2, !outcome.areRegistersErased {
      // In registers from before the last instruction CR2 says nothing of its exception.
      result.cause = .noPageFault
    }
  }

  /// The IDT has a present gate for the exception.
  private func hasGate(_ vector: UInt8) -> Bool {
    let offset = UInt64(vector) * 16
    guard !registers.idt.isThatOfReset, UInt64(registers.idt.limit) >= offset + 15 else {
      return false
    }
    // A table that is not mapped was one when it was loaded.
    return linear.word(at: registers.idt.base &+ offset).map { $0 >> 47 & 1 != 0 } ?? true
  }

  /// Says where the tables of the start had what these lack.
  private mutating func noteOldRoot(_ access: FatalAccess) {
    let question = access.diagnosis.question
    guard let first, first.rootAddress != linear.tables.rootAddress,
      access.diagnosis.walk.translation == nil,
      case .success = AccessQuestion(
        question.address, question.access, mode: question.mode, tables: first
      ).outcome(in: linear.memory)
    else { return }
    result.notes.append(
      "the tables that the kernel was started on allow the access: it stopped working with the load "
        + "of CR3")
  }

  /// The rule that is named: of a right that the leaf lacks, too, the one about the leaf.
  private func blame(of diagnosis: Diagnosis) -> Blame? {
    let blames = diagnosis.explanation.blames
    guard let first = blames.first, diagnosis.walk.translation != nil else { return blames.first }
    let leaf = diagnosis.walk.lastStep?.level
    return blames.first { $0.bits == first.bits && $0.level == leaf } ?? first
  }

  private func cause(of access: FatalAccess) -> BootCause {
    let diagnosis = access.diagnosis
    guard let blame = blame(of: diagnosis) else { return .staleTranslation }
    let walk = diagnosis.walk
    // Every entry with XD has a reserved bit then, and looks like none.
    if case .noExecuteReserved = blame.rule { return .access(access.role, .noExecuteReserved) }
    if walk.translation == nil, let cause = rootCause(walk) { return cause }
    if walk.translation == nil, let shift = shift(walk) {
      return .addressShifted(access.role, by: shift)
    }
    // Without NXE every table with XD in it looks like none.
    let reason = AccessReason(
      blame, leaf: walk.translation == nil ? nil : walk.lastStep?.level)
    if let suspicion = diagnosis.suspicion, reason != .noExecuteReserved, walk.translation == nil,
      case .notATable = suspicion.reason
    {
      return .notATable
    }
    return .access(access.role, reason)
  }

  /// What is wrong with the root itself.
  private func rootCause(_ walk: Walk) -> BootCause? {
    if case .notCanonical = walk.end { return nil }
    let root = linear.tables.rootAddress.rawValue
    let isOutside = !linear.memory.hasWord(at: linear.tables.rootAddress)
    if let physical = physicalAddress(ofLinear: root) {
      return .rootIsLinearAddress(physical: physical)
    }
    if isOutside { return .rootOutsideMemory }
    if code.contains(where: { $0.contains(root) }) { return .rootIsNotATable }
    var present = 0
    var impossible = 0
    for index in 0..<512 as Range<UInt64> {
      guard
        let word = linear.memory.loadWord(
          at: GuestPhysicalAddress(truncating: root &+ index &* 8)), word & 1 != 0
      else { continue }
      present += 1
      let entry = PageTableEntry(word, at: linear.tables.configuration.rootLevel)
      if entry.reservedBits(in: linear.tables.configuration) != 0
        || !linear.memory.hasWord(at: entry.tableAddress)
      {
        impossible += 1
      }
    }
    if present == 0 { return .rootIsEmpty }
    return impossible >= 3 && impossible * 2 > present ? .rootIsNotATable : nil
  }

  /// Where a root address leads if it is taken for the low bits of a linear one, by the tables that the
  /// kernel was started on; nil where that is the same address, or nothing.
  private func physicalAddress(ofLinear root: UInt64) -> UInt64? {
    guard let first, first.rootAddress != linear.tables.rootAddress else { return nil }
    // Bits 63:52 of CR3 are no address bits.
    let candidates = [root, root | 0xfff << 52]
    for candidate in candidates
    where linear.tables.configuration.linearAddressWidth.isCanonical(
      candidate)
    {
      let walk = Walk(
        candidate, cr3: first.rootAddress.rawValue, configuration: first.configuration,
        in: linear.memory)
      guard let physical = walk.translation?.physicalAddress.rawValue, physical != root,
        hasWalkableRoot(at: physical)
      else { continue }
      return physical
    }
    return nil
  }

  /// The code at RIP could be reached from a root at this address.
  private func hasWalkableRoot(at address: UInt64) -> Bool {
    Walk(
      registers.rip, cr3: address, configuration: linear.tables.configuration, in: linear.memory
    ).translation != nil
  }

  /// By how many bits the address in the entry that ended the walk is shifted, if the walk goes on to a
  /// page when it is shifted back; negative for a frame number.
  private func shift(_ walk: Walk) -> Int? {
    let steps = Array(walk.steps)
    for (index, step) in steps.enumerated() where step.entry.isPresent {
      guard !step.entry.isLargePage || step.level > .pageDirectoryPointerTable else { continue }
      let word = step.entry.rawValue
      let flags = word & 0x8000_0000_0000_0fff
      let address = word & PageTableEntry.Bit.address
      let isLast = index == steps.count - 1
      // A frame number whose low bits the flags were put over.
      let isFrameNumber = address >> 12 < 1 << 12 && word >> 1 & ~3 != 0
      if isFrameNumber {
        // P, R/W and U/S are the author's, A and D the processor's.
        for lost in 0..<32 as Range<UInt64> {
          let low = lost & 7 | (lost >> 3 & 3) << 5
          let frame = (word & ~0x67 | low) << 12
          if reachesPage(walk, step, frame | 1) { return -12 }
        }
      }
      let shifted = address >> 12 & ~0xfff
      if isLast || !linear.memory.hasWord(at: step.entry.tableAddress), shifted != 0,
        reachesPage(walk, step, shifted | flags & 0xfff | 1)
      {
        return 12
      }
    }
    return nil
  }

  /// The walk finds a page in memory when the entry of `step` is `word`.
  private func reachesPage(_ walk: Walk, _ step: WalkStep, _ word: UInt64) -> Bool {
    let changed = ChangedWord(memory: linear.memory, address: step.entryAddress, word: word)
    let again = Walk(
      walk.linearAddress, cr3: linear.tables.rootAddress.rawValue,
      configuration: linear.tables.configuration, in: changed)
    guard let page = again.translation else { return false }
    return linear.memory.hasWord(
      at: GuestPhysicalAddress(truncating: page.physicalAddress.rawValue & ~7))
  }
}

extension BootCause {
  /// True for what is wrong with the root, whatever is asked of it.
  var isOfRoot: Bool {
    switch self {
    case .rootOutsideMemory, .rootIsLinearAddress, .rootIsEmpty, .rootIsNotATable: true
    default: false
    }
  }
}

/// Memory in which one word is another.
private struct ChangedWord<Memory: PhysicalMemory>: PhysicalMemory {
  let memory: Memory
  let address: GuestPhysicalAddress
  let word: UInt64

  func loadWord(at place: GuestPhysicalAddress) -> UInt64? {
    place == address ? word : memory.loadWord(at: place)
  }
}
