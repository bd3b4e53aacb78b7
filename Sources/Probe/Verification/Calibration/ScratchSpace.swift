// ScratchSpace: a small address space whose tables are known to be right.

import GuestMem
import MMU

/// What the calibration asks of every machine.
struct ScratchSpace {
  let space: AddressSpace
  /// What every machine must do right.
  let plan: ProbePlan
  /// What shows whether the machine has 1 GiB pages, and can cost a guest where it does not.
  let largePlan: ProbePlan
  /// Leaves that get a reserved bit: their addresses and the bit.
  private let reservedBits: [(address: UInt64, bit: UInt64)]
  /// A and D are set in all entries, so that no access changes tables.
  private let hasFlagsSet: Bool
  /// The page below a PML4E with bit 8 set, which AMD's processors reserve and Intel's ignore; 0 for
  /// none.
  private let addressBelowBit8: UInt64

  /// A space with every basic right, a page below each root entry in `rootIndices`, of which there
  /// are at most 64, reserved bits, and a 1 GiB page.
  init(rootIndices: Set<Int>, width: UInt8) {
    hasFlagsSet = false
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
    // Entry 3 is the gap.
    let free = (4..<255).first { !rootIndices.contains($0) } ?? 2
    addressBelowBit8 = UInt64(free) << 39 | 0x1000
    add(
      "bit 8 of a PML4E", addressBelowBit8, PageProperties(rights: [.read, .write], isUser: true))
    mappings.append(
      Mapping(
        name: "reserved 2 MiB", linearAddress: LinearAddress(truncating: large, width: .bits48),
        byteCount: 2 << 20, target: .device(GuestPhysicalAddress(truncating: 2 << 30)),
        properties: PageProperties(rights: [.read, .write], isUser: true),
        pageSize: .exactly(.size2MiB)))
    let basicCount = mappings.count
    for (index, isUser) in [true, false].enumerated() {
      mappings.append(
        Mapping(
          name: isUser ? "user 1 GiB" : "kernel 1 GiB",
          linearAddress: LinearAddress(
            truncating: base + UInt64(index + 4) << 30, width: .bits48),
          byteCount: 1 << 30, target: .device(GuestPhysicalAddress(truncating: 1 << 30)),
          properties: PageProperties(rights: [.read, .write], isUser: isUser),
          pageSize: .exactly(.size1GiB)))
    }
    space = AddressSpace(memoryByteCount: 2 << 20, mappings: mappings, name: "calibration")
    plan = Self.plan(for: 0..<basicCount, of: space, hasGap: true)
    largePlan = Self.plan(for: basicCount..<mappings.count, of: space, hasGap: false)
  }

  /// A space for trying one feature, by accesses to each mapping in its `manners`.
  init(
    trying space: AddressSpace, manners: [ProbeManners],
    reservedBits: [(address: UInt64, bit: UInt64)], hasFlagsSet: Bool
  ) {
    self.space = space
    self.reservedBits = reservedBits
    self.hasFlagsSet = hasFlagsSet
    addressBelowBit8 = 0
    plan = Self.plan(for: space.mappings.indices, of: space, manners: manners, hasGap: true)
    largePlan = ProbePlan()
  }

  /// The first page of each of the mappings, and one that is not mapped.
  private static func plan(
    for mappings: Range<Int>, of space: AddressSpace, manners: [ProbeManners] = [], hasGap: Bool
  ) -> ProbePlan {
    var pages = mappings.map { index in
      ProbePage(
        containing: space.mappings[index].linearAddress.rawValue,
        manners: manners.indices.contains(index) ? manners[index] : .all,
        subject: .mapping(index))
    }
    if hasGap { pages.append(ProbePage(containing: 3 << 39, subject: .gap(nearMapping: 0))) }
    return ProbePlan(pages: pages)
  }

  /// Sets a reserved bit in some leaves: in the basics the lowest physical-address bit that the
  /// machine does not implement in a 4 KiB one, and bit 13 in a 2 MiB one.
  ///
  /// Source: Intel SDM volume 3A, section 5.5.4.
  func spoil(_ built: borrowing BuiltAddressSpace) {
    let memory = built.memory.view
    for (address, bit) in reservedBits {
      let walk = Walk(address, cr3: built.cr3, configuration: built.configuration, in: memory)
      guard walk.stepCount > 0 else { continue }
      memory.orWord(bit, at: walk.step(walk.stepCount - 1).entryAddress)
    }
    if addressBelowBit8 != 0 {
      let walk = Walk(
        addressBelowBit8, cr3: built.cr3, configuration: built.configuration, in: memory)
      if walk.stepCount > 0 { memory.orWord(1 << 8, at: walk.step(0).entryAddress) }
    }
    guard hasFlagsSet else { return }
    for mapping in space.mappings {
      let walk = Walk(
        mapping.linearAddress.rawValue, cr3: built.cr3, configuration: built.configuration,
        in: memory)
      for step in 0..<walk.stepCount {
        let isLeaf = step == walk.stepCount - 1
        memory.orWord(
          PageTableEntry.Bit.accessed | (isLeaf ? PageTableEntry.Bit.dirty : 0),
          at: walk.step(step).entryAddress)
      }
    }
  }

  /// Whose manual the machine follows about bit 8 of a PML4E; nil where the verdict is not about it,
  /// or where the machine follows neither.
  ///
  /// Source: AMD APM volume 2, section 5.3.3 (bit 8 of a PML4E must be zero); Intel SDM volume 3A,
  /// section 5.5.4 (it is ignored).
  func vendor(_ verdict: ProbeVerdict) -> ProcessorVendor? {
    guard addressBelowBit8 != 0, verdict.address & ~0xfff == addressBelowBit8 else { return nil }
    switch verdict.executed {
    case .success: return .intel
    case .pageFault(let code, _):
      return code & PageFaultErrorCode.reserved.rawValue != 0 ? .amd : nil
    default: return nil
    }
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
