// ArchitectureRule+Level: the members of each family of rules, by level.

extension ArchitectureRule {
  /// The rule that P must be set in an entry at `level`.
  @inlinable @inline(__always)
  public static func present(at level: Level) -> ArchitectureRule {
    switch level {
    case .pageTable: .presentInPTE
    case .pageDirectory: .presentInPDE
    case .pageDirectoryPointerTable: .presentInPDPTE
    case .pageMapLevel4: .presentInPML4E
    case .pageMapLevel5: .presentInPML5E
    }
  }

  /// The rule that bits MAXPHYADDR to 51 are reserved in an entry at `level`.
  @inlinable @inline(__always)
  public static func unimplementedAddress(at level: Level) -> ArchitectureRule {
    switch level {
    case .pageTable: .unimplementedAddressInPTE
    case .pageDirectory: .unimplementedAddressInPDE
    case .pageDirectoryPointerTable: .unimplementedAddressInPDPTE
    case .pageMapLevel4: .unimplementedAddressInPML4E
    case .pageMapLevel5: .unimplementedAddressInPML5E
    }
  }

  /// The rule that bit 63 is reserved in an entry at `level` while IA32_EFER.NXE is clear.
  @inlinable @inline(__always)
  public static func noExecuteReserved(at level: Level) -> ArchitectureRule {
    switch level {
    case .pageTable: .noExecuteReservedInPTE
    case .pageDirectory: .noExecuteReservedInPDE
    case .pageDirectoryPointerTable: .noExecuteReservedInPDPTE
    case .pageMapLevel4: .noExecuteReservedInPML4E
    case .pageMapLevel5: .noExecuteReservedInPML5E
    }
  }

  /// The rule that R/W of an entry at `level` limits writes.
  @inlinable @inline(__always)
  public static func readWrite(at level: Level) -> ArchitectureRule {
    switch level {
    case .pageTable: .readWriteInPTE
    case .pageDirectory: .readWriteInPDE
    case .pageDirectoryPointerTable: .readWriteInPDPTE
    case .pageMapLevel4: .readWriteInPML4E
    case .pageMapLevel5: .readWriteInPML5E
    }
  }

  /// The rule that U/S of an entry at `level` decides whose the address is.
  @inlinable @inline(__always)
  public static func userSupervisor(at level: Level) -> ArchitectureRule {
    switch level {
    case .pageTable: .userSupervisorInPTE
    case .pageDirectory: .userSupervisorInPDE
    case .pageDirectoryPointerTable: .userSupervisorInPDPTE
    case .pageMapLevel4: .userSupervisorInPML4E
    case .pageMapLevel5: .userSupervisorInPML5E
    }
  }

  /// The rule that bit 63 of an entry at `level` forbids fetches.
  @inlinable @inline(__always)
  public static func noExecute(at level: Level) -> ArchitectureRule {
    switch level {
    case .pageTable: .noExecuteInPTE
    case .pageDirectory: .noExecuteInPDE
    case .pageDirectoryPointerTable: .noExecuteInPDPTE
    case .pageMapLevel4: .noExecuteInPML4E
    case .pageMapLevel5: .noExecuteInPML5E
    }
  }

  /// The rule that the processor sets A in an entry at `level` that it uses.
  @inlinable
  public static func accessed(at level: Level) -> ArchitectureRule {
    switch level {
    case .pageTable: .accessedInPTE
    case .pageDirectory: .accessedInPDE
    case .pageDirectoryPointerTable: .accessedInPDPTE
    case .pageMapLevel4: .accessedInPML4E
    case .pageMapLevel5: .accessedInPML5E
    }
  }

  /// The rule that the processor sets D in a leaf that maps a page of `size` on a write.
  @inlinable
  public static func dirty(in size: PageSize) -> ArchitectureRule {
    switch size {
    case .size4KiB: .dirtyInPTE
    case .size2MiB: .dirtyInPDE
    case .size1GiB: .dirtyInPDPTE
    }
  }

  /// The rule that reserves `bit` of an entry at `level`, given that some rule does.
  static func reserving(bit: Int, at level: Level) -> ArchitectureRule {
    switch (bit, level) {
    case (63, _): .noExecuteReserved(at: level)
    case (32..., _): .unimplementedAddress(at: level)
    case (7, .pageMapLevel5): .pageSizeReservedInPML5E
    case (7, .pageMapLevel4): .pageSizeReservedInPML4E
    case (7, _): .pageSizeReservedInPDPTE
    case (8, .pageMapLevel5): .bit8ReservedInPML5E
    case (8, _): .bit8ReservedInPML4E
    case (_, .pageDirectory): .lowAddressReservedIn2MiBPage
    default: .lowAddressReservedIn1GiBPage
    }
  }
}
