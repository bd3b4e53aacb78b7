// ScratchSpace: a small address space whose tables are known to be right.

import GuestMem
import MMU

/// What the calibration asks of every machine.
struct ScratchSpace {
  let space: AddressSpace
  let plan: ProbePlan
  private let width: UInt8
  /// Leaves that get a reserved bit: their addresses and the bit.
  private let reservedBits: [(address: UInt64, bit: UInt64)]
  private let oneGiBMapping: Int?

  /// A space with every basic right, a page below each root entry in `rootIndices`, of which there
  /// are at most 64, a reserved bit, and a 1 GiB page.
  init(rootIndices: Set<Int>, width: UInt8) {
    self.width = width
    var mappings: [Mapping] = []
    func add(_ name: String, _ address: UInt64, _ properties: PageProperties) {
      mappings.append(
        Mapping(
          name: name, linearAddress: LinearAddress(truncating: address, width: .bits48),
          byteCount: 4096, properties: properties))
    }
    let base: UInt64 = 1 << 39
    add("user", base, PageProperties(rights: [.read, .write, .execute], isUser: true))
    add("kernel", base + 0x2000, PageProperties(rights: [.read, .write, .execute]))
    add("read-only", base + 0x4000, PageProperties(rights: [.read], isUser: true))
    add("reserved", base + 0x6000, PageProperties(rights: [.read, .write], isUser: true))
    let large = base + 2 << 30
    var reservedBits: [(address: UInt64, bit: UInt64)] = [(large, 1 << 13)]
    if width < 52 { reservedBits.append((base + 0x6000, 1 << UInt64(width))) }
    self.reservedBits = reservedBits
    // Entry 1 is used above.
    for index in rootIndices.sorted() where index != 1 {
      add(
        "root entry \(index)", UInt64(index) << 39 | 0x1000,
        PageProperties(rights: [.read, .write], isUser: true))
    }
    mappings.append(
      Mapping(
        name: "reserved 2 MiB", linearAddress: LinearAddress(truncating: large, width: .bits48),
        byteCount: 2 << 20, target: .device(GuestPhysicalAddress(truncating: 2 << 30)),
        properties: PageProperties(rights: [.read, .write], isUser: true),
        pageSize: .exactly(.size2MiB)))
    oneGiBMapping = mappings.count
    mappings.append(
      Mapping(
        name: "1 GiB", linearAddress: LinearAddress(truncating: base + 1 << 30, width: .bits48),
        byteCount: 1 << 30, target: .device(GuestPhysicalAddress(truncating: 1 << 30)),
        properties: PageProperties(rights: [.read, .write], isUser: true),
        pageSize: .exactly(.size1GiB)))
    space = AddressSpace(memoryByteCount: 2 << 20, mappings: mappings, name: "calibration")
    plan = Self.plan(for: space)
  }

  /// A space for trying one feature.
  init(trying space: AddressSpace, width: UInt8) {
    self.space = space
    self.width = width
    reservedBits = []
    oneGiBMapping = nil
    plan = Self.plan(for: space)
  }

  /// The first page of each mapping, and one that is not mapped.
  private static func plan(for space: AddressSpace) -> ProbePlan {
    var pages = space.mappings.enumerated().map { index, mapping in
      ProbePage(containing: mapping.linearAddress.rawValue, subject: .mapping(index))
    }
    pages.append(ProbePage(containing: 3 << 39, subject: .gap(nearMapping: 0)))
    return ProbePlan(pages: pages)
  }

  /// Sets a reserved bit in some leaves: the lowest physical-address bit that the machine does not
  /// implement in a 4 KiB one, and bit 13 in a 2 MiB one.
  ///
  /// Source: Intel SDM volume 3A, section 5.5.4.
  func spoil(_ built: borrowing BuiltAddressSpace) {
    let memory = built.memory.view
    for (address, bit) in reservedBits {
      let walk = Walk(address, cr3: built.cr3, configuration: built.configuration, in: memory)
      guard walk.stepCount > 0 else { continue }
      memory.orWord(bit, at: walk.step(walk.stepCount - 1).entryAddress)
    }
  }

  /// The feature whose absence explains a difference, or nil.
  func missingFeature(_ verdict: ProbeVerdict) -> MachineFeature? {
    guard case .mapping(let index) = verdict.page.subject else { return nil }
    if index == oneGiBMapping, case .pageFault(let errorCode, _) = verdict.executed,
      errorCode & 8 != 0
    {
      return .oneGiBPages
    }
    return nil
  }

  /// The rule that explains a difference, or nil.
  func deviation(_ verdict: ProbeVerdict) -> Deviation? {
    let index = Int(verdict.address >> 39 & 511)
    var candidates: [Deviation] = [.reservedBitFaultWithoutPresent]
    if index != 1 { candidates.append(.rootEntryUnreachableAtUser(index: index)) }
    return candidates.first {
      $0.explains(
        verdict.executed, insteadOf: verdict.modelled, at: verdict.address,
        DeviationSubject(
          verdict.manner, address: verdict.address, modelled: verdict.modelled,
          rootLevel: space.rootLevel))
    }
  }
}
