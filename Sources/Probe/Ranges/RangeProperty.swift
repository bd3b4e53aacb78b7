// RangeProperty: what can be said about a range of linear addresses, under its stable name.

/// A property of the pages of a range.
public enum RangeProperty: UInt8, CaseIterable, Hashable, Sendable {
  /// Where the range leads.
  case physicalAddress
  /// R/W.
  case writable
  /// Not XD.
  case executable
  /// U/S.
  case user
  /// What PAT, PCD and PWT select.
  case memoryType
  /// G.
  case global
  /// Bits 62:59.
  case protectionKey
  /// The size of the pages.
  case pageSize
  /// Bits 11:9 and 58:52.
  case softwareBits
  /// A.
  case accessed
  /// D.
  case dirty

  /// The stable name, the same in every output format.
  public var id: String {
    switch self {
    case .physicalAddress: "physical"
    case .writable: "write"
    case .executable: "execute"
    case .user: "user"
    case .memoryType: "memory-type"
    case .global: "global"
    case .protectionKey: "key"
    case .pageSize: "page"
    case .softwareBits: "software-bits"
    case .accessed: "accessed"
    case .dirty: "dirty"
    }
  }

  /// The name in a sentence.
  public var words: String {
    switch self {
    case .physicalAddress: "the physical address"
    case .writable: "the right to write"
    case .executable: "the right to execute"
    case .user: "the right of CPL 3"
    case .memoryType: "the memory type"
    case .global: "G"
    case .protectionKey: "the protection key"
    case .pageSize: "the page size"
    case .softwareBits: "software's bits"
    case .accessed: "A"
    case .dirty: "D"
    }
  }
}

/// A set of properties.
public struct RangeProperties: OptionSet, Hashable, Sendable {
  /// One bit for each property, by its raw value.
  public let rawValue: UInt16

  /// Takes the bits as they are.
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// The set of one property.
  public init(_ property: RangeProperty) { rawValue = 1 << UInt16(property.rawValue) }

  /// Every property.
  public static let all = RangeProperties(rawValue: 0x7ff)

  /// True when `property` is in the set.
  public func contains(_ property: RangeProperty) -> Bool {
    rawValue & 1 << UInt16(property.rawValue) != 0
  }

  /// The properties in the order of their declaration.
  public var properties: [RangeProperty] { RangeProperty.allCases.filter(contains) }
}
