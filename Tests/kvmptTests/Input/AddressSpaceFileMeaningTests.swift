// What a file that is right means.

import GuestMem
import MMU
import Probe
import Testing

@testable import kvmpt

@Suite("A file that is right becomes the address space it describes")
struct AddressSpaceFileMeaningTests {
  let reader = AddressSpaceFileReader(limits: InputLimits())

  @Test("Every key arrives where it belongs")
  func readsEveryKey() throws {
    let text = """
      name: everything
      description: >
        two
        lines
      levels: 5
      memory: 1GiB
      processor:
        {wp: false, nxe: true, smep: true, smap: true, ac: true, pke: true, pkru: 0xC, pks: true,
        pkrs: 0x30}
      recursive-slot: {index: 0x1fe, rights: r-x, user: false}
      mappings:
        - name: data
          linear: 0x80_0000_0000_0000
          physical: 0x20_0000
          size: 4MiB
          rights: rw-
          user: true
          page: 2MiB
          memory-type: UC-
          key: 15
          global: true
          accessed: true
          dirty: true
          software-bits: 0x3ff
        - {linear: 0x1000, size: 4096, rights: r-x, physical: anywhere}
        - {linear: 0x3000, size: "4KiB", rights: none}
        - {linear: 0x4000, size: 4KiB, rights: r--, physical: 4GiB, device: true, page: 4KiB}
      expect:
        - {address: 0x8000_0000_0000_0000, access: fetch, cpl: 3, outcome: fault}
        - {address: 0x1008, access: write, cpl: 0, outcome: fault, error-code: 3}
        - {address: 0x1010, access: read, cpl: 0, outcome: success, physical: 0x5010}
      """
    let file = try #require(reader.file(text))
    #expect(file.summary == "two lines\n")
    var data = PageProperties(rights: [.read, .write], isUser: true, isGlobal: true)
    data.isAccessed = true
    data.isDirty = true
    data.memoryType = .uncachedMinus
    data.protectionKey = 15
    data.softwareBits = 0x3ff
    var processor = ProcessorSettings()
    processor.isWriteProtectEnabled = false
    processor.isSMEPEnabled = true
    processor.isSMAPEnabled = true
    processor.isAlignmentCheckFlagSet = true
    processor.isPKEEnabled = true
    processor.pkru = 12
    processor.isPKSEnabled = true
    processor.pkrs = 48
    func linear(_ value: UInt64) -> LinearAddress {
      LinearAddress(truncating: value, width: .bits57)
    }
    func physical(_ value: UInt64) -> GuestPhysicalAddress {
      GuestPhysicalAddress(truncating: value)
    }
    var expected = AddressSpace(
      rootLevel: .pageMapLevel5, memoryByteCount: 1 << 30, processor: processor,
      mappings: [
        Mapping(
          name: "data", linearAddress: linear(0x80_0000_0000_0000), byteCount: 4 << 20,
          target: .memory(physical(0x20_0000)), properties: data, pageSize: .exactly(.size2MiB)),
        Mapping(
          name: "mapping 2", linearAddress: linear(0x1000), byteCount: 4096,
          properties: PageProperties(rights: [.read, .execute])),
        Mapping(
          name: "mapping 3", linearAddress: linear(0x3000), byteCount: 4096,
          properties: PageProperties(rights: [])),
        Mapping(
          name: "mapping 4", linearAddress: linear(0x4000), byteCount: 4096,
          target: .device(physical(4 << 30)), properties: PageProperties(rights: .read),
          pageSize: .exactly(.size4KiB)),
      ],
      expectations: [
        Probe.Expectation(
          linearAddress: 0x8000_0000_0000_0000, access: .fetch, privilege: .user,
          outcome: .fault(errorCode: nil)),
        Probe.Expectation(
          linearAddress: 0x1008, access: .write, privilege: .supervisor,
          outcome: .fault(errorCode: 3)),
        Probe.Expectation(
          linearAddress: 0x1010, access: .read, privilege: .supervisor,
          outcome: .success(physical(0x5010))),
      ], name: "everything")
    expected.recursiveSlot = RecursiveSlot(index: 510, rights: [.read, .execute])
    #expect(file.addressSpace == expected)
    let split = try #require(
      reader.file("memory:\n- {base: 1MiB, size: 4KiB}\n- {size: 8192, base: 0}\nmappings: []\n"))
    #expect(
      split.addressSpace.memory == [
        MemoryRange(base: 1 << 20, byteCount: 4096), MemoryRange(base: 0, byteCount: 8192),
      ])
    let short = try #require(reader.file("memory: 4MiB\nrecursive-slot: 511\nmappings: []\n"))
    #expect(short.addressSpace.recursiveSlot == RecursiveSlot(index: 511))
  }

  @Test("What is left out is the plainest choice")
  func defaults() throws {
    let file = try #require(reader.file("memory: 4MiB\nmappings: []\n"))
    #expect(file.addressSpace == AddressSpace(memoryByteCount: 4 << 20, mappings: []))
  }

  @Test("Ten thousand mappings are read in linear time")
  func manyMappings() throws {
    var text = "memory: 1GiB\nmappings:\n"
    for index in 0..<10_000 {
      text += "  - {linear: \(index * 8192), size: 4KiB, rights: rw-}\n"
    }
    #expect(try #require(reader.file(text)).addressSpace.mappings.count == 10_000)
  }
}
