// MeantAccess: what somebody meant an access to do, and the cures that make the tables say it.

public import MMU

/// One access, held against what was meant.
public struct MeantAccess: Sendable {
  /// What was meant.
  public enum Meaning: Hashable, Sendable {
    /// Nothing is said of the address.
    case unsaid
    /// Nothing is to be mapped there.
    case nothing
    /// The page is to be there, without the right that the access needs.
    case fault(AskedRange)
    /// The access is to succeed, at this byte where that is said.
    case success(AskedRange, at: GuestPhysicalAddress?)
  }

  /// What was meant.
  public let meaning: Meaning
  /// Changes that let the access do what was meant, after which the tables differ nowhere from what was
  /// meant where they did not differ before; none where the access does what was meant.
  public let cures: [Cure]
}

extension ImageExpectation {
  /// Holds a diagnosis against what is expected.
  ///
  /// - Complexity: that of comparing the tables with what is expected, for each cure.
  public func judge<Memory: PhysicalMemory & ~Copyable>(
    _ diagnosis: Diagnosis, in memory: borrowing Memory, pageAttributeTable: UInt64
  ) -> MeantAccess {
    let question = diagnosis.question
    let asked = askedRanges(pageAttributeTable: pageAttributeTable)
    let meaning = Self.meaning(of: question, asked)
    guard case .success(let range, let wanted) = meaning,
      case .mapped(let page) = range.content,
      !Self.succeeds(diagnosis.explanation.prediction.outcome, at: wanted)
    else { return MeantAccess(meaning: meaning, cures: []) }
    let uses = TableUses(of: question.tables, in: memory)
    var cures = diagnosis.cures.filter { wanted == nil || $0.physicalAddress == wanted }
    if let wanted {
      for change in Self.pointing(diagnosis.walk, page, to: wanted, question) {
        if let cure = question.cure(changing: [change], arrivingAt: wanted, in: memory, uses) {
          cures.append(cure)
        }
      }
    }
    let before = RangeComparison.between(
      asked, and: question.tables, in: memory, pageAttributeTable: pageAttributeTable)
    let holding = cures.filter { cure in
      if cure.changes.isEmpty { return true }
      return MemoryOverlay.with(cure.changes, over: memory) { changed in
        let after = RangeComparison.between(
          asked, and: question.tables, in: changed, pageAttributeTable: pageAttributeTable)
        return Self.improves(before, after, at: question.address)
      }
    }
    return MeantAccess(meaning: meaning, cures: holding)
  }

  private static func meaning(
    of question: AccessQuestion, _ asked: [AskedRange]
  ) -> MeantAccess.Meaning {
    let address = question.address
    guard let range = asked.first(where: { $0.first <= address && address <= $0.last }) else {
      return .nothing
    }
    let page = address & ~0xfff
    let part = range.part(page, page | 0xfff)
    switch part.content {
    case .absent: return .nothing
    // What an address there reads follows from tables of which nothing is said.
    case .unsaid, .recursive: return .unsaid
    case .mapped(let statement):
      let isStopped =
        question.access.kind == .write && statement.isWritable == false
        || question.access.kind == .fetch && statement.isExecutable == false
        || question.mode.privilege == .user && statement.isUser == false
      if isStopped { return .fault(part) }
      return .success(
        part,
        at: statement.physicalAddress.map {
          GuestPhysicalAddress(truncating: $0 | address & 0xfff)
        })
    }
  }

  private static func succeeds(
    _ outcome: AccessOutcome, at wanted: GuestPhysicalAddress?
  ) -> Bool {
    guard case .success(let address) = outcome else { return false }
    return wanted == nil || wanted == address
  }

  /// No difference is left at `address`, and there is none where there was none before.
  private static func improves(
    _ before: RangeComparison, _ after: RangeComparison, at address: UInt64
  ) -> Bool {
    after.unfinished == nil && after.droppedCount == 0
      && after.differences.allSatisfy { left in
        !(left.first <= address && address <= left.last)
          && before.differences.contains { $0.first <= left.first && left.last <= $0.last }
      }
  }

  /// The last entry of `walk`, led to `wanted`: as it stands otherwise, and as the page is meant.
  private static func pointing(
    _ walk: Walk, _ page: PageStatement, to wanted: GuestPhysicalAddress,
    _ question: AccessQuestion
  ) -> [EntryChange] {
    typealias Bit = PageTableEntry.Bit
    guard let step = walk.lastStep, let size = PageSize(level: step.level),
      page.pageSize == nil || page.pageSize == size
    else { return [] }
    let start = wanted.rawValue &- question.address & (size.byteCount - 1)
    let large = size == .size4KiB ? 0 : Bit.pageSize
    guard start & (size.byteCount - 1) == 0, start >> 52 == 0 else { return [] }
    let pat = UInt64((0..<8).first { page.patIndices >> UInt8($0) & 1 != 0 } ?? 0)
    var flags = Bit.present | large | (pat & 3) << 3
    if pat & 4 != 0 { flags |= size == .size4KiB ? 1 << 7 : 1 << 12 }
    if page.isWritable != false { flags |= Bit.readWrite }
    if page.isUser == true { flags |= Bit.userSupervisor }
    if page.isExecutable == false { flags |= Bit.noExecute }
    if page.isGlobal == true { flags |= Bit.global }
    if page.isAccessed == true { flags |= Bit.accessed }
    if page.isDirty == true { flags |= Bit.dirty }
    flags |= UInt64(page.protectionKey ?? 0) << 59
    let kept = step.entry.rawValue & ~(Bit.address & ~(size == .size4KiB ? 0 : 0x1000))
    let values = (step.entry.isPresent && step.entry.isLeaf ? [kept | start] : []) + [flags | start]
    return values.map { EntryChange(step, to: $0) }
  }
}
