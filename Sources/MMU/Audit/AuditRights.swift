// AuditRights: what pages allow in the modes of an audit, looked up by their combined rights.

/// What a page allows at CPL 0 and CPL 3.
struct AuditRights: OptionSet {
  let rawValue: UInt8
  static let supervisorWrite = AuditRights(rawValue: 1)
  static let supervisorFetch = AuditRights(rawValue: 2)
  static let userWrite = AuditRights(rawValue: 4)
  static let userFetch = AuditRights(rawValue: 8)

  /// Writes succeed at CPL 0 or CPL 3.
  var isWritable: Bool { !isDisjoint(with: [.supervisorWrite, .userWrite]) }

  /// Writes and fetches succeed at one and the same privilege.
  var isWritableAndExecutable: Bool {
    isSuperset(of: [.supervisorWrite, .supervisorFetch])
      || isSuperset(of: [.userWrite, .userFetch])
  }
}

/// The rights of every kind of page, by R/W, U/S and XD over all levels and the protection key.
struct AuditRightsTable {
  private let table: [AuditRights]

  init(_ mode: CPUMode) {
    var table: [AuditRights] = []
    for key in 0..<16 as Range<UInt64> {
      for bits in 0..<8 as Range<UInt64> {
        let combined = (bits & 3) << 1 | (bits >> 2) << 63
        let translation = Translation(
          physicalAddress: GuestPhysicalAddress(truncating: 0),
          leaf: PageTableEntry(combined | key << 59 | 1, at: .pageTable), combinedRights: combined)
        var rights: AuditRights = []
        for privilege in [PrivilegeLevel.supervisor, .user] {
          var mode = mode
          mode.privilege = privilege
          for kind in [AccessKind.write, .fetch]
          where !AccessRights(Access(kind), mode: mode, rules: EveryRule())
            .isStopped(translation, key: UInt8(key))
          {
            switch (privilege, kind) {
            case (.supervisor, .write): rights.insert(.supervisorWrite)
            case (.supervisor, _): rights.insert(.supervisorFetch)
            case (.user, .write): rights.insert(.userWrite)
            case (.user, _): rights.insert(.userFetch)
            }
          }
        }
        table.append(rights)
      }
    }
    self.table = table
  }

  subscript(_ page: MappedRun) -> AuditRights {
    let combined = page.combinedRights
    return table[
      Int((combined >> 1) & 3 | (combined >> 63) << 2 | UInt64(page.leaf.protectionKey) << 3)]
  }
}
