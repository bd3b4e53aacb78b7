// The rule about what registers point at, and the one about the user's stack.

extension Auditor {
  /// Walks to what the registers point at.
  mutating func checkRegisters<Memory: PhysicalMemory & ~Copyable>(
    of tables: PageTables, in memory: borrowing Memory
  ) {
    if let stack = conditions.userStack { checkStack(stack, tables, in: memory) }
    for use in conditions.registerUses where use.byteCount > 0 {
      let first = use.linearAddress & ~4095
      let last = (use.linearAddress &+ (use.byteCount - 1)) & ~4095
      for page in stride(from: 0, through: last &- first, by: 4096) {
        check(use, page: first &+ page, tables, in: memory)
      }
    }
  }

  private mutating func check<Memory: PhysicalMemory & ~Copyable>(
    _ use: RegisterUse, page: UInt64, _ tables: PageTables, in memory: borrowing Memory
  ) {
    let walk = tables.walk(page, in: memory)
    guard let cause = cause(use, walk, tables.configuration) else { return }
    var finding = finding(
      .registerMapping, page, 4096,
      GuestPhysicalAddress(truncating: walk.translation?.physicalAddress.rawValue ?? 0),
      walk.lastEntry)
    finding.register = RegisterProblem(register: use.register, access: use.access, cause: cause)
    add(finding, to: 0)
  }

  /// What is wrong with a page that a register points at, or nil.
  ///
  /// Code at CPL 3 may wait for pages that are not there yet, and copy those that it may not write
  /// to: a page fault there is the system's way to work.
  private func cause(
    _ use: RegisterUse, _ walk: Walk, _ configuration: PagingConfiguration
  ) -> RegisterProblem.Cause? {
    if walk.end == .notCanonical { return .notCanonical }
    guard let translation = walk.translation else {
      return use.privilege == .user ? nil : .notMapped
    }
    var mode = conditions.mode
    mode.privilege = use.privilege
    let isDescriptors = use.register != .rip && use.register != .rsp
    // What the processor does on its own behalf is not helped by EFLAGS.AC.
    if isDescriptors { mode.isAlignmentCheckFlagSet = false }
    let allowed = walk.effectiveRights(mode: mode, configuration: configuration)
    let needed: EffectiveRights
    switch use.access {
    case .read: needed = .read
    case .write: needed = use.privilege == .user ? .read : .write
    case .fetch: needed = .fetch
    }
    if !allowed.isSuperset(of: needed) { return .notAllowed }
    return isDescriptors && translation.isUser && translation.isWritable ? .writableByUser : nil
  }

  private mutating func checkStack<Memory: PhysicalMemory & ~Copyable>(
    _ stack: UInt64, _ tables: PageTables, in memory: borrowing Memory
  ) {
    let walk = tables.walk(stack, in: memory)
    guard let translation = walk.translation else { return }
    var mode = conditions.mode
    mode.privilege = .user
    guard
      walk.effectiveRights(mode: mode, configuration: tables.configuration).contains(.fetch)
    else { return }
    let size = translation.pageSize.byteCount
    add(
      finding(
        .executableUserStack, stack & ~(size - 1), size, translation.leaf.pageAddress,
        walk.lastEntry), to: 0)
  }
}

extension PageTables {
  /// The walk to a linear address.
  func walk<Memory: PhysicalMemory & ~Copyable>(
    _ address: UInt64, in memory: borrowing Memory
  ) -> Walk {
    Walk(address, cr3: rootAddress.rawValue, configuration: configuration, in: memory)
  }
}

extension Walk {
  /// Where the last entry that was read stands, or nil where none was.
  var lastEntry: EntryReference? {
    steps.last.map { EntryReference($0.entryAddress, level: $0.level) }
  }
}
