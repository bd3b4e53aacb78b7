// AddressSpace: what somebody asked for. The first of the three answers that a verdict compares.

public import GuestMem
public import MMU

/// An address space as asked for: which linear addresses reach which memory, with which rights.
///
/// It says nothing about tables; ``BuiltAddressSpace`` has those.
public struct AddressSpace: Hashable, Sendable {
  /// The name used in reports; may be empty.
  public var name: String
  /// The table that CR3 points at: PML4 or PML5.
  public var rootLevel: Level
  /// Where the guest has RAM, in the order asked for; the ranges do not overlap.
  public var memory: [MemoryRange]
  /// The control-register state the address space is meant for.
  public var processor: ProcessorSettings
  /// The mappings, in the order asked for; their linear ranges do not overlap.
  public var mappings: [Mapping]
  /// What must hold beyond the mappings.
  public var expectations: [Expectation]
  /// The root entry that leads to the root; nil where there is none.
  public var recursiveSlot: RecursiveSlot?

  /// The number of bytes of RAM; to set it is to say that they are those from address 0 on.
  public var memoryByteCount: UInt64 {
    get { memory.byteCount }
    set { memory = [MemoryRange(base: 0, byteCount: newValue)] }
  }

  /// An address space with RAM from address 0 on, without checks; ``check()`` finds what is wrong with it.
  public init(
    rootLevel: Level = .pageMapLevel4, memoryByteCount: UInt64,
    processor: ProcessorSettings = ProcessorSettings(), mappings: [Mapping],
    expectations: [Expectation] = [], name: String = ""
  ) {
    self.name = name
    self.rootLevel = rootLevel
    memory = [MemoryRange(base: 0, byteCount: memoryByteCount)]
    self.processor = processor
    self.mappings = mappings
    self.expectations = expectations
  }
}

/// A contiguous range of linear addresses and what it should reach.
public struct Mapping: Hashable, Sendable {
  /// The name used in reports.
  public var name: String
  /// The first linear address; 4 KiB aligned.
  public var linearAddress: LinearAddress
  /// The number of bytes; a multiple of 4 KiB.
  public var byteCount: UInt64
  /// Where the range leads.
  public var target: MappingTarget
  /// Rights and attributes.
  ///
  /// No rights at all means that the range must not be mapped.
  public var properties: PageProperties
  /// Which sizes of page may be used.
  public var pageSize: PageSizeChoice
  /// Which of A and D must be clear in tables that are held against the mapping.
  ///
  /// A processor sets them, so that a clear one is not asked for unless this says so.
  public var clearFlags: PageFlags = []

  /// A mapping without checks; ``AddressSpace/check()`` finds what is wrong with it.
  public init(
    name: String, linearAddress: LinearAddress, byteCount: UInt64,
    target: MappingTarget = .anywhere, properties: PageProperties,
    pageSize: PageSizeChoice = .largest
  ) {
    self.name = name
    self.linearAddress = linearAddress
    self.byteCount = byteCount
    self.target = target
    self.properties = properties
    self.pageSize = pageSize
  }
}

/// The flags that a processor sets in a leaf.
public struct PageFlags: OptionSet, Hashable, Sendable {
  /// Bit 0 is A, bit 1 is D.
  public let rawValue: UInt8

  /// Takes the bits as they are.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// A: the page has been used.
  public static let accessed = PageFlags(rawValue: 1)
  /// D: the page has been written.
  public static let dirty = PageFlags(rawValue: 2)
}

/// Where a mapping leads.
public enum MappingTarget: Hashable, Sendable {
  /// Guest RAM chosen by the builder, contiguous.
  case anywhere
  /// Guest RAM from this address on.
  case memory(GuestPhysicalAddress)
  /// Physical addresses with no RAM behind them, such as a device's registers.
  case device(GuestPhysicalAddress)
}

/// Something that must hold at an address, whatever the mappings say.
public struct Expectation: Hashable, Sendable {
  /// The linear address of the access.
  ///
  /// It may be non-canonical, to expect a #GP.
  public var linearAddress: UInt64
  /// Read, write or fetch.
  public var access: AccessKind
  /// The privilege of the code that makes the access.
  public var privilege: PrivilegeLevel
  /// What must happen.
  public var outcome: ExpectedOutcome

  /// Takes the parts as they are.
  public init(
    linearAddress: UInt64, access: AccessKind, privilege: PrivilegeLevel, outcome: ExpectedOutcome
  ) {
    self.linearAddress = linearAddress
    self.access = access
    self.privilege = privilege
    self.outcome = outcome
  }
}

/// What an ``Expectation`` wants to happen.
public enum ExpectedOutcome: Hashable, Sendable {
  /// The access succeeds; where an address is given, it reaches that physical address.
  case success(GuestPhysicalAddress?)
  /// The access faults with any exception; where a code is given, it is a #PF with that code.
  case fault(errorCode: UInt32?)
}
