// Walk.Descent: the work of a walk, from the root table down to its end.

extension Walk {
  /// The ways in which a walk ends; see ``WalkEnd``.
  @frozen @usableFromInline
  enum State: UInt8, Sendable {
    case page, notPresent, reservedBits, tableOutsideMemory, notCanonical
  }

  /// The state of a walk that is under way, and in the end its outcome.
  @frozen @usableFromInline
  struct Descent: Sendable {
    /// R/W and U/S of all entries so far, by "and", and bit 63, by "or".
    @usableFromInline var combinedRights: UInt64
    /// The address of the byte, the reserved bits, or the address without memory, by ``state``.
    @usableFromInline var detail: UInt64
    /// The words that were read, by `level - 1`; 0 where none was.
    @usableFromInline var words: InlineArray<5, UInt64>
    @usableFromInline var state: State
    /// The level that ended the walk.
    @usableFromInline var level: Level

    @inlinable @inline(__always)
    init() {
      combinedRights = 0
      detail = 0
      words = InlineArray(repeating: 0)
      state = .notCanonical
      level = .pageTable
    }

    // The levels are written out: with a constant level every mask and shift is a constant too.
    @inlinable
    mutating func run<Memory: PhysicalMemory & ~Copyable, Rules: RuleSelection>(
      _ linearAddress: UInt64, cr3: UInt64, configuration: PagingConfiguration,
      in memory: borrowing Memory, under rules: Rules
    ) {
      let hasLevel5 = configuration.rootLevel == .pageMapLevel5
      let isCanonical = (hasLevel5 ? LinearAddressWidth.bits57 : .bits48).isCanonical(linearAddress)
      if !isCanonical
        && rules.includes(hasLevel5 ? .canonicalAddress(.bits57) : .canonicalAddress(.bits48))
      {
        return
      }
      var path = Path(linearAddress, cr3: cr3, configuration: configuration)
      if hasLevel5 && !use(.pageMapLevel5, &path, in: memory, under: rules) { return }
      if use(.pageMapLevel4, &path, in: memory, under: rules)
        && use(.pageDirectoryPointerTable, &path, in: memory, under: rules)
        && use(.pageDirectory, &path, in: memory, under: rules)
      {
        _ = use(.pageTable, &path, in: memory, under: rules)
      }
    }

    /// What one level hands to the next.
    @frozen @usableFromInline
    struct Path {
      @usableFromInline let linearAddress: UInt64
      @usableFromInline let configuration: PagingConfiguration
      @usableFromInline let alwaysReserved: UInt64
      /// The address of the next table in bits 51:12; the other bits are not looked at.
      @usableFromInline var tableAddress: UInt64
      /// Bit 63 is inverted here, so that one "and" combines all three.
      @usableFromInline var combinedRights: UInt64

      @inlinable @inline(__always)
      init(_ linearAddress: UInt64, cr3: UInt64, configuration: PagingConfiguration) {
        self.linearAddress = linearAddress
        self.configuration = configuration
        alwaysReserved = configuration.alwaysReservedBits
        tableAddress = cr3
        combinedRights = ~0
      }
    }

    /// Reads and checks the entry at `level`; true when the walk goes on below it.
    @inlinable @inline(__always)
    mutating func use<Memory: PhysicalMemory & ~Copyable, Rules: RuleSelection>(
      _ level: Level, _ path: inout Path, in memory: borrowing Memory, under rules: Rules
    ) -> Bool {
      let offset = (path.linearAddress &>> (level.indexShift &- 3)) & 0xff8
      let address = GuestPhysicalAddress(
        truncating: path.tableAddress & PageTableEntry.Bit.address | offset)
      var word = ~0 as UInt64
      if let loaded = memory.loadWord(at: address) {
        word = loaded
      } else if rules.includes(.tableOutsideMemoryIsNotPresent) {
        return stop(.tableOutsideMemory, at: level, address.rawValue)
      }
      words[Int(level.rawValue) &- 1] = word
      let entry = PageTableEntry(word, at: level)
      let isPresent = entry.isPresent || !rules.includes(.present(at: level))
      if !isPresent && rules.includes(.notPresentEntryIsIgnored) {
        return stop(.notPresent, at: level)
      }
      let reserved =
        word
        & entry.reservedMask(path.alwaysReserved, in: path.configuration, under: rules)
      if reserved != 0 { return stop(.reservedBits, at: level, reserved) }
      if !isPresent { return stop(.notPresent, at: level) }
      path.combinedRights &=
        word ^ PageTableEntry.Bit.noExecute | ignoredRights(at: level, under: rules)
      if isLeaf(entry, under: rules) {
        combinedRights = path.combinedRights ^ PageTableEntry.Bit.noExecute
        return stop(
          .page, at: level, physicalAddress(of: path.linearAddress, in: entry, under: rules))
      }
      path.tableAddress = word
      return true
    }

    /// Ends the walk; always false.
    @inlinable @inline(__always)
    mutating func stop(_ state: State, at level: Level, _ detail: UInt64 = 0) -> Bool {
      self.state = state
      self.level = level
      self.detail = detail
      return false
    }

    /// The rights that an entry at `level` cannot take away, because their rule is left out.
    @inlinable @inline(__always)
    func ignoredRights<Rules: RuleSelection>(at level: Level, under rules: Rules) -> UInt64 {
      (rules.includes(.readWrite(at: level)) ? 0 : PageTableEntry.Bit.readWrite)
        | (rules.includes(.userSupervisor(at: level)) ? 0 : PageTableEntry.Bit.userSupervisor)
        | (rules.includes(.noExecute(at: level)) ? 0 : PageTableEntry.Bit.noExecute)
    }

    @inlinable @inline(__always)
    func isLeaf<Rules: RuleSelection>(_ entry: PageTableEntry, under rules: Rules) -> Bool {
      switch entry.level {
      case .pageTable: true
      case .pageDirectory: entry.isLargePage && rules.includes(.pageSize(.size2MiB))
      case .pageDirectoryPointerTable: entry.isLargePage && rules.includes(.pageSize(.size1GiB))
      case .pageMapLevel4, .pageMapLevel5: false
      }
    }

    @inlinable @inline(__always)
    func physicalAddress<Rules: RuleSelection>(
      of linearAddress: UInt64, in leaf: PageTableEntry, under rules: Rules
    ) -> UInt64 {
      let offsetRule: ArchitectureRule =
        switch leaf.level {
        case .pageDirectory: .offset(in: .size2MiB)
        case .pageDirectoryPointerTable: .offset(in: .size1GiB)
        default: .offset(in: .size4KiB)
        }
      let offset = linearAddress & (leaf.level.span &- 1)
      return leaf.pageAddress.rawValue | (rules.includes(offsetRule) ? offset : 0)
    }
  }
}
