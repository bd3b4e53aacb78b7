// Assumption: what an image does not say, and what of it would make a reported fault fit.

/// What is assumed of a processor because neither an image nor a person said it.
public struct Assumptions: OptionSet, Hashable, Sendable {
  /// One bit for each.
  public let rawValue: UInt16

  /// Takes the bits as they are.
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// MAXPHYADDR.
  public static let physicalAddressWidth = Self(rawValue: 1)
  /// 1 GiB pages.
  public static let gibibytePages = Self(rawValue: 1 << 1)
  /// IA32_EFER.NXE.
  public static let noExecute = Self(rawValue: 1 << 2)
  /// The number of levels.
  public static let levels = Self(rawValue: 1 << 3)
  /// CR0.WP.
  public static let writeProtect = Self(rawValue: 1 << 4)
  /// CR4.SMEP.
  public static let smep = Self(rawValue: 1 << 5)
  /// CR4.SMAP.
  public static let smap = Self(rawValue: 1 << 6)
  /// PKRU.
  public static let pkru = Self(rawValue: 1 << 7)
  /// CR4.PKE.
  public static let pke = Self(rawValue: 1 << 8)
  /// IA32_PAT.
  public static let pageAttributeTable = Self(rawValue: 1 << 9)
  /// CR4.PKS.
  public static let pks = Self(rawValue: 1 << 10)
  /// IA32_PKRS.
  public static let pkrs = Self(rawValue: 1 << 11)

  /// That of `control`; empty for RFLAGS.AC, which belongs to the access.
  public init(about control: AccessControl) {
    switch control {
    case .writeProtect: self = .writeProtect
    case .smep: self = .smep
    case .smap: self = .smap
    case .pke: self = .pke
    case .pkru: self = .pkru
    case .pks: self = .pks
    case .pkrs: self = .pkrs
    case .alignmentCheckFlag: self = []
    }
  }

  /// `control` is assumed.
  public func isAbout(_ control: AccessControl) -> Bool {
    !isDisjoint(with: Assumptions(about: control))
  }
}

/// One assumption changed so that the tables give the fault that was reported.
public enum FittingAssumption: Hashable, Sendable {
  /// MAXPHYADDR is at most this.
  case physicalAddressWidth(atMost: UInt8)
  /// The processor has 1 GiB pages, or none.
  case gibibytePages(Bool)
  /// IA32_EFER.NXE.
  case noExecute(Bool)
  /// The tables have this many levels.
  case levels(Int)
  /// CR0.WP.
  case writeProtect(Bool)
  /// CR4.SMEP.
  case smep(Bool)
  /// CR4.SMAP.
  case smap(Bool)
  /// CR4.PKE is set, and PKRU has these bits set.
  case pkru(UInt32)
  /// CR4.PKS is set, and IA32_PKRS has these bits set.
  case pkrs(UInt32)

  /// The assumption in words, after "if".
  public var sentence: String {
    switch self {
    case .physicalAddressWidth(let width):
      let usual = [39, 40].filter { $0 < width }.map(String.init).joined(separator: " or ")
      return "MAXPHYADDR is at most \(width)" + (usual.isEmpty ? "" : ", such as \(usual)")
        + ": QEMU's phys-bits, or a host with fewer address bits"
    case .gibibytePages(let isOn): return "the processor has \(isOn ? "" : "no ")1 GiB pages"
    case .noExecute(let isOn): return "IA32_EFER.NXE is \(isOn ? "set" : "clear")"
    case .levels(let count): return "the tables have \(count) levels"
    case .writeProtect(let isOn): return "CR0.WP is \(isOn ? "set" : "clear")"
    case .smep(let isOn): return "CR4.SMEP is \(isOn ? "set" : "clear")"
    case .smap(let isOn): return "CR4.SMAP is \(isOn ? "set" : "clear")"
    case .pkru(let bits): return "CR4.PKE is set and \(namedBits(UInt64(bits))) of PKRU is set"
    case .pkrs(let bits):
      return "CR4.PKS is set and \(namedBits(UInt64(bits))) of IA32_PKRS is set"
    }
  }

  /// The option that says it instead of assuming it.
  public var option: String {
    switch self {
    case .physicalAddressWidth(let width): "--physical-bits \(width)"
    case .gibibytePages(let isOn): "--1gib-pages \(isOn ? "on" : "off")"
    case .noExecute(let isOn): "--nxe \(isOn ? "on" : "off")"
    case .levels(let count): "--levels \(count)"
    case .writeProtect(let isOn): "--wp \(isOn ? "on" : "off")"
    case .smep(let isOn): "--smep \(isOn ? "on" : "off")"
    case .smap(let isOn): "--smap \(isOn ? "on" : "off")"
    case .pkru(let bits): "--pke on --pkru 0x\(String(bits, radix: 16))"
    case .pkrs(let bits): "--pks on --pkrs 0x\(String(bits, radix: 16))"
    }
  }

  /// The assumption is one about MAXPHYADDR.
  var isWidth: Bool {
    if case .physicalAddressWidth = self { true } else { false }
  }

  /// The configuration as it is when the assumption is changed.
  func applied(to configuration: PagingConfiguration) -> PagingConfiguration {
    var configuration = configuration
    switch self {
    case .physicalAddressWidth(let width):
      configuration = configuration.with(physicalAddressWidth: width)
    case .gibibytePages(let isOn): configuration.supports1GiBPages = isOn
    case .noExecute(let isOn): configuration.isNoExecuteEnabled = isOn
    case .levels(let count):
      configuration = configuration.with(
        rootLevel: count == 5 ? .pageMapLevel5 : .pageMapLevel4)
    case .writeProtect, .smep, .smap, .pkru, .pkrs: break
    }
    return configuration
  }

  /// The question as it is when the assumption is changed.
  public func applied(to question: AccessQuestion) -> AccessQuestion {
    var question = question
    switch self {
    case .physicalAddressWidth, .gibibytePages, .noExecute, .levels: break
    case .writeProtect(let isOn): question.mode.isWriteProtectEnabled = isOn
    case .smep(let isOn): question.mode.isSMEPEnabled = isOn
    case .smap(let isOn): question.mode.isSMAPEnabled = isOn
    case .pkru(let bits):
      question.mode.isPKEEnabled = true
      question.mode.pkru = bits
    case .pkrs(let bits):
      question.mode.isPKSEnabled = true
      question.mode.pkrs = bits
    }
    question.tables = PageTables(
      cr3: question.tables.rootAddress.rawValue,
      configuration: applied(to: question.tables.configuration))
    return question
  }
}

extension PagingConfiguration {
  /// The same with another root or width; itself where that cannot be.
  func with(rootLevel: Level? = nil, physicalAddressWidth: UInt8? = nil) -> PagingConfiguration {
    let changed = try? PagingConfiguration(
      rootLevel: rootLevel ?? self.rootLevel,
      physicalAddressWidth: physicalAddressWidth ?? self.physicalAddressWidth,
      isNoExecuteEnabled: isNoExecuteEnabled, supports1GiBPages: supports1GiBPages, vendor: vendor)
    return changed ?? self
  }
}
