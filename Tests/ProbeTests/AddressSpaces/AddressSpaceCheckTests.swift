// What AddressSpace.check() finds, one contradiction at a time.

import GuestMem
import MMU
import Probe
import Testing

@Suite("An address space that contradicts itself is refused by name")
struct AddressSpaceCheckTests {
  static let kernelBase: UInt64 = 0xffff_8000_0000_0000

  /// A mapping whose address is truncated to 48 bits; read and write unless told otherwise.
  static func mapping(
    _ linear: UInt64, _ byteCount: UInt64 = 0x1000, _ target: MappingTarget = .anywhere,
    rights: PageRights = [.read, .write], pageSize: PageSizeChoice = .largest,
    width: LinearAddressWidth = .bits48
  ) -> Mapping {
    Mapping(
      name: "at \(linear)", linearAddress: LinearAddress(truncating: linear, width: width),
      byteCount: byteCount, target: target, properties: PageProperties(rights: rights),
      pageSize: pageSize)
  }

  static func space(
    _ mappings: [Mapping], memory: UInt64 = 64 << 20, expectations: [Probe.Expectation] = [],
    _ change: (inout AddressSpace) -> Void = { _ in }
  ) -> AddressSpace {
    var space = AddressSpace(
      memoryByteCount: memory, mappings: mappings, expectations: expectations)
    change(&space)
    return space
  }

  static func at(_ address: UInt64) -> GuestPhysicalAddress {
    GuestPhysicalAddress(truncating: address)
  }

  /// A sound address space, a flawed one that differs little, and the id of the flaw.
  struct Flaw: CustomTestStringConvertible, Sendable {
    let id: String
    let sound: AddressSpace
    let flawed: AddressSpace
    var testDescription: String { id }

    init(_ id: String, sound: AddressSpace, flawed: AddressSpace) {
      self.id = id
      self.sound = sound
      self.flawed = flawed
    }
  }

  static func flaw(_ id: String, sound: [Mapping], flawed: [Mapping]) -> Flaw {
    Flaw(id, sound: space(sound), flawed: space(flawed))
  }

  static func expectation(
    _ outcome: ExpectedOutcome, _ access: AccessKind = .read,
    _ privilege: PrivilegeLevel = .supervisor, at address: UInt64 = 0x5000
  ) -> AddressSpace {
    space(
      [],
      expectations: [
        Probe.Expectation(
          linearAddress: address, access: access, privilege: privilege, outcome: outcome)
      ])
  }

  static let flaws: [Flaw] = [
    Flaw(
      "unsupported-levels", sound: space([]) { $0.rootLevel = .pageMapLevel5 },
      flawed: space([]) { $0.rootLevel = .pageDirectory }),
    Flaw("no-memory", sound: space([], memory: 4096), flawed: space([], memory: 0)),
    Flaw("misaligned-memory", sound: space([], memory: 8192), flawed: space([], memory: 8191)),
    Flaw(
      "memory-too-large", sound: space([], memory: 1 << 52),
      flawed: space([], memory: 1 << 52 + 4096)),
    Flaw("no-memory", sound: ranges((0, 4096)), flawed: ranges()),
    Flaw(
      "too-many-memory-ranges",
      sound: space([]) { $0.memory = manyRanges(64) },
      flawed: space([]) { $0.memory = manyRanges(65) }),
    Flaw(
      "empty-memory-range", sound: ranges((0, 4096), (1 << 20, 4096)),
      flawed: ranges((0, 4096), (1 << 20, 0))),
    Flaw(
      "misaligned-memory-range", sound: ranges((4096, 4096)), flawed: ranges((4095, 4096))),
    Flaw(
      "misaligned-memory-range", sound: ranges((4096, 8192)), flawed: ranges((4096, 8191))),
    Flaw(
      "memory-range-too-high", sound: ranges((1 << 42 - 4096, 4096)),
      flawed: ranges((1 << 42 - 4096, 8192))),
    Flaw(
      "memory-range-too-high", sound: ranges((4096, 1 << 42 - 4096)),
      flawed: ranges((.max - 4095, 8192))),
    Flaw(
      "overlapping-memory-ranges", sound: ranges((0x3000, 0x1000), (0x1000, 0x2000)),
      flawed: ranges((0x3000, 0x1000), (0x1000, 0x3000))),
    Flaw(
      "overlapping-memory-ranges", sound: ranges((0, 4096)),
      flawed: ranges((0, 4096), (0, 4096))),
    Flaw(
      "outside-memory",
      sound: split([mapping(0, 0x4000, .memory(at(0x1f_e000)))]) {
        $0.memory.append(MemoryRange(base: 0x20_0000, byteCount: 0x1000_0000))
      },
      flawed: split([mapping(0, 0x4000, .memory(at(0x1f_e000)))]) {
        $0.memory.append(MemoryRange(base: 0x20_1000, byteCount: 0x1000_0000))
      }),
    Flaw(
      "outside-memory", sound: split([mapping(0, 0x1000, .memory(at(1 << 30)))]),
      flawed: split([mapping(0, 0x1000, .memory(at(1 << 30 - 4096)))])),
    Flaw(
      "device-overlaps-memory", sound: split([mapping(0, 0x1000, .device(at(1 << 30 - 4096)))]),
      flawed: split([mapping(0, 0x2000, .device(at(1 << 30 - 4096)))])),
    Flaw(
      "device-overlaps-memory", sound: split([mapping(0, 0x1000, .device(at(1 << 31)))]),
      flawed: split([mapping(0, 0x1000, .device(at(0)))])),
    Flaw(
      "memory-exhausted", sound: split([mapping(0, 4 << 20)]),
      flawed: split([mapping(0, 6 << 20 + 4096)])),
    Flaw(
      "memory-exhausted",
      sound: space([mapping(0, 32 << 20), mapping(1 << 30, 16 << 20, .memory(at(0)))]),
      flawed: space([mapping(0, 32 << 20), mapping(1 << 30, 33 << 20, .memory(at(0)))])),
    Flaw(
      "memory-exhausted",
      sound: space([mapping(0, 1 << 34, .device(at(1 << 45)))], memory: 16 << 20),
      flawed: space(
        [mapping(0, 1 << 34, .device(at(1 << 45)), pageSize: .exactly(.size4KiB))],
        memory: 16 << 20)),
    flaw(
      "too-many-pages",
      sound: [mapping(0, 1 << 34, .device(at(1 << 45)), pageSize: .exactly(.size4KiB))],
      flawed: [
        mapping(0, 1 << 34, .device(at(1 << 45)), pageSize: .exactly(.size4KiB)), mapping(1 << 40),
      ]),
    flaw("empty-mapping", sound: [mapping(0, 4096)], flawed: [mapping(0, 0)]),
    flaw("misaligned", sound: [mapping(0x1000)], flawed: [mapping(0x1001)]),
    flaw("misaligned", sound: [mapping(0, 0x2000)], flawed: [mapping(0, 0x2001)]),
    flaw(
      "misaligned", sound: [mapping(0, 0x1000, .memory(at(0x1000)))],
      flawed: [mapping(0, 0x1000, .memory(at(0x1800)))]),
    flaw(
      "misaligned", sound: [mapping(1 << 21, 1 << 21, pageSize: .exactly(.size2MiB))],
      flawed: [mapping(1 << 20, 1 << 21, pageSize: .exactly(.size2MiB))]),
    flaw(
      "misaligned", sound: [mapping(0, 1 << 21, .memory(at(1 << 21)))],
      flawed: [mapping(0, 1 << 21, .memory(at(1 << 20)), pageSize: .exactly(.size2MiB))]),
    Flaw(
      "not-canonical",
      sound: space([mapping(1 << 55, width: .bits57)]) { $0.rootLevel = .pageMapLevel5 },
      flawed: space([mapping(1 << 55, width: .bits57)])),
    flaw(
      "leaves-canonical-half", sound: [mapping(0x7fff_ffff_f000, 0x1000)],
      flawed: [mapping(0x7fff_ffff_f000, 0x2000)]),
    flaw(
      "leaves-canonical-half", sound: [mapping(0xffff_ffff_ffff_f000, 0x1000)],
      flawed: [mapping(0xffff_ffff_ffff_f000, 0x2000)]),
    flaw(
      "physical-range-too-wide",
      sound: [mapping(0, 0x1000, .device(at(0xf_ffff_ffff_f000)))],
      flawed: [mapping(0, 0x2000, .device(at(0xf_ffff_ffff_f000)))]),
    flaw(
      "outside-memory", sound: [mapping(0, 0x1000, .memory(at(64 << 20 - 4096)))],
      flawed: [mapping(0, 0x2000, .memory(at(64 << 20 - 4096)))]),
    flaw(
      "device-overlaps-memory", sound: [mapping(0, 0x1000, .device(at(64 << 20)))],
      flawed: [mapping(0, 0x1000, .device(at(64 << 20 - 4096)))]),
    flaw(
      "overlapping-mappings", sound: [mapping(0x3000), mapping(0x1000, 0x2000)],
      flawed: [mapping(0x3000), mapping(0x1000, 0x3000)]),
    flaw(
      "overlapping-mappings", sound: [mapping(0x1000, rights: []), mapping(0x2000)],
      flawed: [mapping(0x1000, 0x2000, rights: []), mapping(0x2000)]),
    Flaw(
      "duplicate-name", sound: space([mapping(0), mapping(0x1000)]),
      flawed: space([mapping(0), mapping(0x1000)]) { $0.mappings[1].name = $0.mappings[0].name }),
    flaw(
      "write-without-read", sound: [mapping(0, rights: [.read, .write])],
      flawed: [mapping(0, rights: .write)]),
    flaw(
      "execute-without-read", sound: [mapping(0, rights: [.read, .execute])],
      flawed: [mapping(0, rights: .execute)]),
    flaw(
      "target-without-rights", sound: [mapping(0, rights: [])],
      flawed: [mapping(0, 0x1000, .memory(at(0)), rights: [])]),
    Flaw(
      "execution-cannot-be-forbidden",
      sound: space([mapping(0, rights: [.read, .execute]), mapping(0x1000, rights: [])]) {
        $0.processor.isNoExecuteEnabled = false
      },
      flawed: space([mapping(0, rights: .read)]) { $0.processor.isNoExecuteEnabled = false }),
    Flaw(
      "protection-key-too-large",
      sound: space([mapping(0)]) { $0.mappings[0].properties.protectionKey = 15 },
      flawed: space([mapping(0)]) { $0.mappings[0].properties.protectionKey = 16 }),
    Flaw(
      "software-bits-too-wide",
      sound: space([mapping(0)]) { $0.mappings[0].properties.softwareBits = 0x3ff },
      flawed: space([mapping(0)]) { $0.mappings[0].properties.softwareBits = 0x400 }),
    Flaw(
      "contradictory-expectations",
      sound: twice(.fault(errorCode: nil), .fault(errorCode: 0)),
      flawed: twice(.fault(errorCode: 0), .fault(errorCode: 1))),
    Flaw(
      "contradictory-expectations",
      sound: twice(.success(nil), .success(at(0x5000))),
      flawed: twice(.success(nil), .fault(errorCode: nil))),
    Flaw(
      "success-at-non-canonical-address",
      sound: expectation(.fault(errorCode: nil), at: 1 << 47),
      flawed: expectation(.success(nil), at: 1 << 47)),
    Flaw(
      "page-fault-at-non-canonical-address",
      sound: expectation(.fault(errorCode: 0), at: 1 << 47 - 8),
      flawed: expectation(.fault(errorCode: 0), at: 1 << 47)),
    Flaw(
      "recursive-slot-out-of-range", sound: recursive(511), flawed: recursive(512)),
    Flaw("recursive-slot-out-of-range", sound: recursive(0), flawed: recursive(-1)),
    Flaw(
      "recursive-slot-unreadable", sound: recursive(0, [.read, .execute]),
      flawed: recursive(0, .execute)),
    Flaw("recursive-slot-unreadable", sound: recursive(0, .read), flawed: recursive(0, [])),
    Flaw(
      "recursive-slot-executable",
      sound: recursive(0, [.read, .execute]) { $0.processor.isNoExecuteEnabled = false },
      flawed: recursive(0) { $0.processor.isNoExecuteEnabled = false }),
    Flaw(
      "mapping-in-recursive-slot",
      sound: recursive(1) { $0.mappings = [mapping(1 << 39 - 4096)] },
      flawed: recursive(1) { $0.mappings = [mapping(1 << 39 - 4096, 0x2000)] }),
    Flaw(
      "mapping-in-recursive-slot",
      sound: recursive(1) { $0.mappings = [mapping(2 << 39, rights: [])] },
      flawed: recursive(1) { $0.mappings = [mapping(2 << 39 - 4096, rights: [])] }),
    Flaw(
      "mapping-in-recursive-slot",
      sound: recursive(510) { $0.mappings = [mapping(0xffff_ffff_ffff_f000)] },
      flawed: recursive(511) { $0.mappings = [mapping(0xffff_ffff_ffff_f000)] }),
    Flaw(
      "mapping-in-recursive-slot",
      sound: recursive(510) {
        $0.rootLevel = .pageMapLevel5
        $0.mappings = [mapping(0xfffd_ffff_ffff_f000, width: .bits57)]
      },
      flawed: recursive(510) {
        $0.rootLevel = .pageMapLevel5
        $0.mappings = [mapping(0xfffe_0000_0000_0000, width: .bits57)]
      }),
    Flaw(
      "page-offset-differs", sound: expectation(.success(at(0x1008)), at: 0x5008),
      flawed: expectation(.success(at(0x1000)), at: 0x5008)),
  ]

  static func ranges(_ ranges: (base: UInt64, byteCount: UInt64)...) -> AddressSpace {
    space([]) {
      $0.memory = ranges.map { MemoryRange(base: $0.base, byteCount: $0.byteCount) }
    }
  }

  static func manyRanges(_ count: UInt64) -> [MemoryRange] {
    (0..<count).map { MemoryRange(base: $0 << 13, byteCount: 4096) }
  }

  /// RAM from 0 to 2 MiB and from 1 GiB on 4 MiB.
  static func split(
    _ mappings: [Mapping], _ change: (inout AddressSpace) -> Void = { _ in }
  ) -> AddressSpace {
    space(mappings) {
      $0.memory = [
        MemoryRange(base: 1 << 30, byteCount: 4 << 20), MemoryRange(base: 0, byteCount: 2 << 20),
      ]
      change(&$0)
    }
  }

  static func recursive(
    _ index: Int, _ rights: PageRights = [.read, .write],
    _ change: (inout AddressSpace) -> Void = { _ in }
  ) -> AddressSpace {
    space([]) {
      $0.recursiveSlot = RecursiveSlot(index: index, rights: rights)
      change(&$0)
    }
  }

  static func twice(_ first: ExpectedOutcome, _ second: ExpectedOutcome) -> AddressSpace {
    var space = expectation(first)
    space.expectations += expectation(second).expectations
    return space
  }

  @Test("The flawed one has exactly this problem and the sound one has none", arguments: flaws)
  func findsTheFlaw(_ flaw: Flaw) {
    #expect(flaw.sound.check().map(\.id) == [])
    #expect(flaw.flawed.check().map(\.id) == [flaw.id])
    for problem in flaw.flawed.check() {
      #expect(!problem.message.isEmpty && !problem.message.hasSuffix("."))
      #expect(!problem.hint.isEmpty && !problem.hint.hasSuffix("."))
    }
  }

  @Test("All 64 error codes of each access: only those that can arise are accepted")
  func errorCodes() {
    for access in AccessKind.allCases {
      for privilege in [PrivilegeLevel.supervisor, .user] {
        let accepted = (UInt32(0)..<128).filter {
          Self.expectation(.fault(errorCode: $0), access, privilege).check().isEmpty
        }
        let own: UInt32 =
          (access == .write ? 2 : 0) | (privilege == .user ? 4 : 0) | (access == .fetch ? 16 : 0)
        #expect(accepted == [own, own | 1, own | 9])
      }
    }
  }

  @Test("Every pair of overlapping neighbours is reported, and the later one is blamed")
  func overlapsNameBoth() {
    let space = Self.space([
      Self.mapping(0x8000, 0x1000), Self.mapping(0x1000, 0x8000), Self.mapping(0x2000, 0x1000),
    ])
    let subjects = space.check().map(\.subject)
    #expect(subjects == [.mapping(2, .linearAddress), .mapping(1, .linearAddress)])
  }

  @Test("A mapping with many flaws reports each of them")
  func reportsAll() {
    var mapping = Self.mapping(0x1001, 0x2001, .memory(Self.at(0x803)), rights: .write)
    mapping.properties.protectionKey = 99
    #expect(
      Self.space([mapping]).check().map(\.id) == [
        "misaligned", "misaligned", "misaligned", "write-without-read",
        "protection-key-too-large",
      ])
  }

  @Test("Two expectations of one access contradict each other where no machine can meet both")
  func twoExpectations() {
    let outcomes: [ExpectedOutcome] = [
      .success(nil), .success(AddressSpaceCheckTests.at(0x5000)),
      .success(AddressSpaceCheckTests.at(0x7000)), .fault(errorCode: nil), .fault(errorCode: 0),
      .fault(errorCode: 1),
    ]
    for (index, first) in outcomes.enumerated() {
      for (position, second) in outcomes.enumerated() {
        let space = AddressSpaceCheckTests.space(
          [AddressSpaceCheckTests.mapping(0x5000)],
          expectations: [first, second].map {
            Probe.Expectation(
              linearAddress: 0x5000, access: .read, privilege: .supervisor, outcome: $0)
          })
        let isSameKind = (index < 3) == (position < 3)
        let isOpen = [0, 3].contains(index) || [0, 3].contains(position)
        let isMet = isSameKind && (isOpen || index == position)
        let found = space.check().map { $0.id }.contains("contradictory-expectations")
        #expect(found != isMet, "\(first) \(second)")
      }
    }
  }
}

@Suite("Numbers are written as address-space files write them")
struct NumberTextTests {
  @Test(
    "Hexadecimal digits stand in groups of four",
    arguments: [
      (0, "0x0"), (0xfff, "0xfff"), (0x1000, "0x1000"), (0x20_0000, "0x20_0000"),
      (0xffff_8000_0000_0000, "0xffff_8000_0000_0000"), (.max, "0xffff_ffff_ffff_ffff"),
    ] as [(UInt64, String)])
  func hexadecimal(_ value: UInt64, _ text: String) {
    #expect(HexadecimalNumber(value).description == text)
  }

  @Test(
    "A size has the largest unit that divides it",
    arguments: [
      (0, "0 bytes"), (1, "1 byte"), (4097, "4097 bytes"), (4096, "4 KiB"),
      (0x20_1000, "2052 KiB"), (64 << 20, "64 MiB"), (1 << 40, "1 TiB"),
    ] as [(UInt64, String)])
  func byteCounts(_ value: UInt64, _ text: String) {
    #expect(ByteCount(value).description == text)
  }
}
