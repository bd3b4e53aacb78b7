// AuditRule: what an audit looks for, each under a stable name.

/// How bad a finding is.
public enum AuditSeverity: UInt8, CaseIterable, Comparable, Sendable {
  /// Often meant.
  case note
  /// Weakens a protection, or is likely a mistake.
  case warning
  /// Breaks a protection, or faults.
  case error

  /// Orders severities from harmless to bad.
  public static func < (left: AuditSeverity, right: AuditSeverity) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// A rule of an audit; the raw value is its stable name.
public enum AuditRule: String, CaseIterable, Hashable, Sendable {
  /// A page is writable and executable.
  case writableAndExecutable = "writable-and-executable"
  /// A page in the upper half, where supervisors live, is writable at CPL 3.
  case userWritableSupervisorData = "user-writable-supervisor-data"
  /// Memory that is executed as supervisor's text is writable through another mapping.
  case supervisorTextWritableAlias = "supervisor-text-writable-alias"
  /// Memory that holds a table is mapped writable.
  case tableMappedWritable = "table-mapped-writable"
  /// Memory that holds a table is mapped for CPL 3.
  case tableMappedUser = "table-mapped-user"
  /// One frame is used as table at several levels.
  case tableSharedBetweenLevels = "table-shared-between-levels"
  /// A present entry has reserved bits set.
  case reservedBits = "reserved-bits"
  /// An entry that is not present keeps a physical address.
  case notPresentWithAddress = "not-present-with-address"
  /// The page of the user's stack is executable.
  case executableUserStack = "executable-user-stack"
  /// A leaf gives a right that an entry above it takes away.
  case parentRestrictsLeaf = "parent-restricts-leaf"
  /// A large page and another mapping of the same memory have different memory types.
  case largePageMemoryTypes = "large-page-memory-types"
  /// An entry points at a table where no memory is.
  case tableOutsideMemory = "table-outside-memory"
  /// A table is reached through itself.
  case loop
  /// D is set in a leaf whose A is clear.
  case dirtyWithoutAccessed = "dirty-without-accessed"
  /// D is set in a leaf that cannot be written through.
  case dirtyReadOnly = "dirty-read-only"
  /// A is set in an entry below one whose A is clear.
  case accessedBelowNotAccessed = "accessed-below-not-accessed"
  /// CR0.WP is clear, so that CPL 0 writes to pages that are read-only.
  case writeProtectOff = "write-protect-off"
  /// A leaf leads beyond all memory.
  case leafBeyondMemory = "leaf-beyond-memory"
  /// What a register points at is not mapped as the processor needs it.
  case registerMapping = "register-mapping"
  /// A page that is a shadow stack where shadow stacks are on.
  case possibleShadowStack = "possible-shadow-stack"

  /// How bad a finding of the rule is.
  public var severity: AuditSeverity {
    switch self {
    case .userWritableSupervisorData, .tableMappedUser, .reservedBits, .tableOutsideMemory,
      .executableUserStack, .registerMapping:
      .error
    case .writableAndExecutable, .supervisorTextWritableAlias, .notPresentWithAddress,
      .largePageMemoryTypes, .dirtyWithoutAccessed, .writeProtectOff, .leafBeyondMemory:
      .warning
    case .tableMappedWritable, .tableSharedBetweenLevels, .parentRestrictsLeaf, .loop,
      .dirtyReadOnly, .accessedBelowNotAccessed, .possibleShadowStack:
      .note
    }
  }

  /// What a finding means, in one sentence without a full stop.
  public var title: String {
    switch self {
    case .writableAndExecutable: "a page is writable and executable"
    case .userWritableSupervisorData: "a page in the upper half is writable at CPL 3"
    case .supervisorTextWritableAlias: "supervisor text is writable through another mapping"
    case .tableMappedWritable: "memory that holds a table is mapped writable"
    case .tableMappedUser: "memory that holds a table is mapped for CPL 3"
    case .tableSharedBetweenLevels: "a frame is used as table at several levels"
    case .reservedBits: "a present entry has reserved bits set"
    case .notPresentWithAddress:
      "an entry that is not present keeps a physical address (L1 terminal fault)"
    case .executableUserStack: "the page of the user's stack is executable"
    case .parentRestrictsLeaf: "a leaf gives a right that an entry above takes away"
    case .largePageMemoryTypes:
      "a large page and another mapping of its memory have different memory types"
    case .tableOutsideMemory: "an entry points at a table where no memory is"
    case .loop: "a table is reached through itself"
    case .dirtyWithoutAccessed: "D is set where A is clear"
    case .dirtyReadOnly: "D is set in a leaf that cannot be written through"
    case .accessedBelowNotAccessed: "A is set below an entry whose A is clear"
    case .writeProtectOff: "CR0.WP is clear: read-only pages can be written at CPL 0"
    case .leafBeyondMemory: "a leaf leads beyond all memory"
    case .registerMapping: "what a register points at is not mapped as it must be"
    case .possibleShadowStack:
      "a page is a shadow stack where shadow stacks are on (CR4.CET is set)"
    }
  }

  /// Where the architecture says what the rule is about.
  public var source: String {
    switch self {
    case .writableAndExecutable, .userWritableSupervisorData, .supervisorTextWritableAlias,
      .tableMappedWritable, .tableMappedUser, .executableUserStack, .parentRestrictsLeaf:
      "Intel SDM volume 3A, section 5.6.1"
    case .reservedBits: "Intel SDM volume 3A, section 5.5.4"
    case .tableSharedBetweenLevels, .tableOutsideMemory, .loop:
      "Intel SDM volume 3A, section 5.5.4"
    case .notPresentWithAddress: "Intel, Deep Dive: L1 Terminal Fault"
    case .largePageMemoryTypes: "Intel SDM volume 3A, section 13.12.4"
    case .dirtyWithoutAccessed, .dirtyReadOnly, .accessedBelowNotAccessed:
      "Intel SDM volume 3A, section 5.8"
    case .writeProtectOff, .registerMapping: "Intel SDM volume 3A, section 5.6.1"
    case .leafBeyondMemory: "Intel SDM volume 3A, section 5.5.4"
    case .possibleShadowStack: "Intel SDM volume 3A, section 5.6.1 (shadow-stack pages)"
    }
  }
}
