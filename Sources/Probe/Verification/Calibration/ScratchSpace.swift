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

  /// A space with every basic right, a page below each root entry in `rootIndices`, of which there
  /// are at most 64, a reserved bit, and a 1 GiB page.
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
