// AccessQuestion: an access, and the tables and the mode in which it is made.

/// Everything that decides what comes of an access, except memory.
public struct AccessQuestion: Hashable, Sendable {
  /// The linear address, all 64 bits of it.
  public var address: UInt64
  /// What is done.
  public var access: Access
  /// The state of the processor.
  public var mode: CPUMode
  /// The tables that are walked.
  public var tables: PageTables

  /// Puts a question together.
  public init(_ address: UInt64, _ access: Access, mode: CPUMode, tables: PageTables) {
    self.address = address
    self.access = access
    self.mode = mode
    self.tables = tables
  }

  /// The walk that the access makes.
  public func walk<Memory: PhysicalMemory & ~Copyable>(in memory: borrowing Memory) -> Walk {
    Walk(
      address, cr3: tables.rootAddress.rawValue, configuration: tables.configuration, in: memory)
  }

  /// What the program sees.
  public func outcome<Memory: PhysicalMemory & ~Copyable>(
    in memory: borrowing Memory
  ) -> AccessOutcome {
    walk(in: memory).predict(access, mode: mode, configuration: tables.configuration).outcome
  }
}
