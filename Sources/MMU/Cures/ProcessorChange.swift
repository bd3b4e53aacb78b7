// ProcessorChange: a register, an address or a processor that is to be another one.

/// A change that leaves every word of the tables as it is.
public enum ProcessorChange: Hashable, Sendable {
  /// Set EFLAGS.AC around the access.
  case setAlignmentCheckFlag
  /// Set IA32_EFER.NXE.
  case setNoExecuteEnable
  /// Use a processor that has 1 GiB pages.
  case use1GiBPages
  /// Clear these bits of PKRU.
  case clearPKRU(UInt32)
  /// Clear these bits of IA32_PKRS.
  case clearPKRS(UInt32)
  /// Load CR3 with this root.
  case loadRoot(GuestPhysicalAddress)
  /// Use this linear address.
  case useAddress(UInt64)

  /// Makes the change.
  func apply(to question: inout AccessQuestion) {
    switch self {
    case .setAlignmentCheckFlag: question.mode.isAlignmentCheckFlagSet = true
    case .setNoExecuteEnable:
      var configuration = question.tables.configuration
      configuration.isNoExecuteEnabled = true
      question.tables = PageTables(
        cr3: question.tables.rootAddress.rawValue, configuration: configuration)
    case .use1GiBPages:
      var configuration = question.tables.configuration
      configuration.supports1GiBPages = true
      question.tables = PageTables(
        cr3: question.tables.rootAddress.rawValue, configuration: configuration)
    case .clearPKRU(let bits): question.mode.pkru &= ~bits
    case .clearPKRS(let bits): question.mode.pkrs &= ~bits
    case .loadRoot(let root):
      question.tables = PageTables(
        cr3: root.rawValue, configuration: question.tables.configuration)
    case .useAddress(let address): question.address = address
    }
  }

  /// The change in words.
  public var sentence: String {
    switch self {
    case .setAlignmentCheckFlag: "set EFLAGS.AC around the access (STAC)"
    case .setNoExecuteEnable: "set IA32_EFER.NXE"
    case .use1GiBPages: "use a processor that has 1 GiB pages"
    case .clearPKRU(let bits):
      "clear \(Self.flags(bits)) in PKRU, which holds for every page of the key"
    case .clearPKRS(let bits):
      "clear \(Self.flags(bits)) in IA32_PKRS, which holds for every page of the key"
    case .loadRoot(let root):
      "load CR3 with 0x\(String(root.rawValue, radix: 16)), the other root of the pair"
    case .useAddress(let address):
      "use 0x\(String(address, radix: 16)), the address with its upper bits repeated"
    }
  }

  /// Such as `bit 2 (AD)`: in each register a key has AD in the even bit and WD in the odd one.
  private static func flags(_ bits: UInt32) -> String {
    let isEven = bits & 0x5555_5555 != 0
    let isOdd = bits & 0xaaaa_aaaa != 0
    let name = isEven && isOdd ? "WD and AD" : isEven ? "AD" : "WD"
    return "\(namedBits(UInt64(bits))) (\(name))"
  }
}
