// A map of all RAM, as kernels have one: the tables lie in memory that it maps.

import GuestMem
import MMU
import TestHosts
import Testing

@testable import Probe

@Suite("Tables have room where all of memory is mapped")
struct WholeMemoryTests {
  private static func identity(
    _ byteCount: UInt64, _ size: PageSizeChoice, at linear: UInt64 = 0, memory: UInt64? = nil
  ) -> AddressSpace {
    AddressSpace(
      memoryByteCount: memory ?? byteCount,
      mappings: [
        Mapping(
          name: "all of memory", linearAddress: LinearAddress(truncating: linear, width: .bits48),
          byteCount: byteCount, target: .memory(GuestPhysicalAddress(truncating: 0)),
          properties: PageProperties(rights: [.read, .write, .execute]), pageSize: size)
      ])
  }

  private static func configuration() throws -> PagingConfiguration {
    try PagingConfiguration(rootLevel: .pageMapLevel4, physicalAddressWidth: 46)
  }

  @Test(
    "The tables lie in its last frames, where nothing else is free",
    arguments: [
      (64 << 20, .exactly(.size2MiB), 3), (64 << 20, .exactly(.size4KiB), 35),
      (64 << 20, .largest, 3), (0x5000, .exactly(.size4KiB), 4),
    ] as [(UInt64, PageSizeChoice, UInt64)])
  func lastFrames(_ byteCount: UInt64, _ size: PageSizeChoice, _ count: UInt64) throws {
    let space = Self.identity(byteCount, size)
    #expect(space.check() == [])
    let built = try BuiltAddressSpace(space, configuration: Self.configuration())
    #expect(UInt64(built.statistics.tableCount) == count)
    #expect(built.placements == [0])
    #expect(space.largestTableCount(at: [0]) >= count)
    #expect(built.cr3 >= byteCount - space.largestTableCount(at: [0]) * 4096)
  }

  @Test("They lie in free memory as long as there is enough")
  func freeMemory() throws {
    let space = Self.identity(32 << 20, .exactly(.size4KiB), memory: 33 << 20)
    let built = try BuiltAddressSpace(space, configuration: Self.configuration())
    #expect(built.cr3 >= 32 << 20)
  }

  @Test("Memory that has no room for them at all is too small, and says so")
  func tooSmall() throws {
    let space = Self.identity(0x2000, .exactly(.size4KiB))
    #expect(space.check() == [])
    let error = #expect(throws: AddressSpaceBuildError.self) {
      _ = try BuiltAddressSpace(space, configuration: Self.configuration())
    }
    #expect(error?.id == "out-of-frames")
  }

  @Test("The bound holds for ranges of every size and place")
  func bound() throws {
    var tried = 0
    for linear in [0, 0x1f_f000, 0x3fff_f000, 0x7f_ffff_f000, 0x40_0000] as [UInt64] {
      for byteCount in [0x1000, 0x2000, 0x20_0000, 0x40_1000, 0x4000_0000] as [UInt64] {
        for size in [.largest, .exactly(.size4KiB)] as [PageSizeChoice] {
          var space = Self.identity(byteCount, size, at: linear, memory: 2 << 30)
          space.mappings[0].target = .device(GuestPhysicalAddress(truncating: 1 << 41))
          for has1GiBPages in [true, false] {
            var configuration = try Self.configuration()
            configuration.supports1GiBPages = has1GiBPages
            let built = try BuiltAddressSpace(space, configuration: configuration)
            let bound = space.largestTableCount(at: built.placements)
            #expect(UInt64(built.statistics.tableCount) <= bound, "\(linear) \(byteCount) \(size)")
            tried += 1
          }
        }
      }
    }
    #expect(tried == 100)
  }

  @Test("A guest proves it, tables included", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func proved() throws {
    let report = try Verifier().verify(Self.identity(64 << 20, .exactly(.size2MiB)))
    #expect(report.isAgreement, "\(report.unproved)")
    #expect(report.total.executedCount > 500)
  }
}
