// Walk: a linear address, followed through the tables as the processor follows it.

/// The translation of one linear address, with every entry that was read.
///
/// A walk reads memory and nothing else, allocates nothing and ends in a ``WalkEnd`` whatever the
/// tables contain. Entries are checked from the root down: the first entry that is not present or
/// has a reserved bit set ends the walk, whatever stands below it.
///
/// Source: Intel SDM volume 3A, section 5.5.4.
@frozen public struct Walk: Sendable {
  /// The address as it was given; not canonical when ``end`` says so.
  public let linearAddress: UInt64
  /// Bits 51:12 of CR3: the address of the root table.
  public let rootAddress: GuestPhysicalAddress
  /// The level of the root table.
  public let rootLevel: Level
  /// The state in which the walk ended.
  @usableFromInline let descent: Descent

  /// Walks the tables below `cr3` for `linearAddress`, all 64 bits of which are looked at.
  ///
  /// Bits 11:0 and 63:52 of `cr3` (PCID, PWT, PCD, LAM) do not take part.
  ///
  /// - Complexity: reads at most 5 words.
  @inlinable
  public init<Memory: PhysicalMemory & ~Copyable>(
    _ linearAddress: UInt64, cr3: UInt64, configuration: PagingConfiguration,
    in memory: borrowing Memory
  ) {
    self.init(
      linearAddress, cr3: cr3, configuration: configuration, in: memory, under: EveryRule())
  }

  /// Walks as a model would that applies `rules` only.
  ///
  /// - Complexity: reads at most 5 words.
  @inlinable
  public init<Memory: PhysicalMemory & ~Copyable, Rules: RuleSelection>(
    _ linearAddress: UInt64, cr3: UInt64, configuration: PagingConfiguration,
    in memory: borrowing Memory, under rules: Rules
  ) {
    self.linearAddress = linearAddress
    rootAddress = GuestPhysicalAddress(truncating: cr3 & PageTableEntry.Bit.address)
    rootLevel = configuration.rootLevel
    var descent = Descent()
    descent.run(linearAddress, cr3: cr3, configuration: configuration, in: memory, under: rules)
    self.descent = descent
  }

  /// How the walk ended.
  @inlinable public var end: WalkEnd {
    let level = descent.level
    return switch descent.state {
    case .page: .page(foundPage)
    case .notPresent: .notPresent(level)
    case .reservedBits: .reservedBits(level, descent.detail)
    case .tableOutsideMemory:
      .tableOutsideMemory(level, GuestPhysicalAddress(truncating: descent.detail))
    case .notCanonical: .notCanonical
    }
  }

  /// What the walk found, or nil when it found no page.
  @inlinable public var translation: Translation? {
    descent.state == .page ? foundPage : nil
  }

  /// The translation of a walk whose state is `page`.
  @inlinable var foundPage: Translation {
    Translation(
      physicalAddress: GuestPhysicalAddress(truncating: descent.detail),
      leaf: PageTableEntry(descent.words[Int(descent.level.rawValue) &- 1], at: descent.level),
      combinedRights: descent.combinedRights)
  }

  /// The number of entries that were read, 0 to 5.
  @inlinable public var stepCount: Int {
    let above = Int(rootLevel.rawValue) &- Int(descent.level.rawValue)
    return switch descent.state {
    case .page, .notPresent, .reservedBits: above &+ 1
    case .tableOutsideMemory: above
    case .notCanonical: 0
    }
  }
}
