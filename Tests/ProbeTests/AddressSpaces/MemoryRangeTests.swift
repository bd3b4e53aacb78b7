// RAM in several ranges: what is built lies in them, and machines have nothing between them.

import GuestMem
import MMU
import TestHosts
import TestSupport
import Testing

@testable import Probe

@Suite("A guest can have its memory in several ranges")
struct MemoryRangeTests {
  static func mapping(
    _ name: String, _ linear: UInt64, _ byteCount: UInt64, _ target: MappingTarget = .anywhere,
    rights: PageRights = [.read, .write], type: MemoryType = .writeBack
  ) -> Mapping {
    Mapping(
      name: name, linearAddress: LinearAddress(truncating: linear, width: .bits48),
      byteCount: byteCount, target: target,
      properties: PageProperties(rights: rights, memoryType: type))
  }

  static func at(_ address: UInt64) -> GuestPhysicalAddress {
    GuestPhysicalAddress(truncating: address)
  }

  /// A computer with the hole below 1 MiB, and memory above 4 GiB and at `high`.
  static func computer(high: UInt64 = 1 << 40) -> AddressSpace {
    var space = AddressSpace(
      memoryByteCount: 0,
      mappings: [
        mapping("low", 0, 0xa_0000, .memory(at(0))),
        mapping("screen", 0xa_0000, 0x6_0000, .device(at(0xa_0000)), type: .uncacheable),
        mapping("ram", 0x10_0000, 15 << 20, .memory(at(0x10_0000)), rights: [.read, .execute]),
        mapping("high", 1 << 32, 8 << 20, .memory(at(1 << 32))),
        mapping("anywhere", 0xffff_ffff_8000_0000, 0x1_0000),
        mapping("top", 0xffff_8888_0000_0000, 2 << 20, .memory(at(high))),
        mapping("hole", 0xffff_8889_0000_0000, 2 << 20, .device(at(high - 2 << 20))),
      ], name: "a computer")
    space.memory = [
      MemoryRange(base: 1 << 32, byteCount: 8 << 20), MemoryRange(base: 0, byteCount: 0xa_0000),
      MemoryRange(base: 0x10_0000, byteCount: 15 << 20),
      MemoryRange(base: high, byteCount: 2 << 20),
      MemoryRange(base: high + 16 << 20, byteCount: 1 << 20),
    ]
    space.recursiveSlot = RecursiveSlot(index: 510)
    return space
  }

  @Test("A computer with four holes agrees", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func onKVM() throws {
    // Not above what the processor of this host can address.
    let width = UInt64(try KVMMachineFactory().physicalAddressWidth)
    let report = try Verifier().verify(Self.computer(high: 1 << min(40, width - 1)))
    #expect(report.agrees(but: lacksOfMachines), "\(report.unproved)")
    #expect(report.tallies.values.allSatisfy { $0.disagreementCount == 0 })
    // The device between the ranges was used, and is none of the memory beside it.
    let tally = try #require(report.tallies[.mapping(1)])
    #expect(tally.executedCount == tally.probeCount && tally.probeCount == 6 * 96)
  }

  @Test(
    "It agrees on the emulator", .enabled(if: Host.hasQEMU, "needs qemu-system-x86_64"))
  func onQEMU() throws {
    let verifier = Verifier(factory: try QEMUMachineFactory())
    let report = try verifier.verify(Self.computer(high: 1 << 33))
    #expect(report.agrees(but: lacksOfMachines), "\(report.unproved)")
    #expect(try #require(report.tallies[.mapping(1)]).executedCount == 6 * 96)
  }

  @Test("Every set of 12 frames: all that is built lies in them, or there are too few")
  func everySetOfFrames() throws {
    let configuration = try PagingConfiguration(physicalAddressWidth: 46)
    for set in 1..<UInt64(1 << 12) {
      var space = AddressSpace(
        memoryByteCount: 0, mappings: [Self.mapping("page", 0x40_0000, 4096)])
      space.memory = (0..<12).filter { set >> $0 & 1 != 0 }.map {
        MemoryRange(base: $0 << 12, byteCount: 4096)
      }
      space.recursiveSlot = RecursiveSlot(index: 1)
      #expect(space.check() == [])
      do throws(AddressSpaceBuildError) {
        let built = try BuiltAddressSpace(space, configuration: configuration)
        var used = Set(built.tablePlaces.map { $0.physicalAddress.rawValue >> 12 })
        #expect(used.count == 4 && used.insert(built.placements[0] >> 12).inserted)
        #expect(used.allSatisfy { set >> $0 & 1 != 0 })
        #expect(set.nonzeroBitCount >= 5)
      } catch {
        // A frame for the page, and 4 for tables.
        #expect(set.nonzeroBitCount < 5)
        guard case .tables(_, .outOfFrames(let needed, let available)) = error else {
          Issue.record("\(error)")
          continue
        }
        #expect(needed > available && available < 4)
      }
    }
  }

  @Test("What is contiguous lies in one range, and a size that none has is refused")
  func contiguous() throws {
    let configuration = try PagingConfiguration(physicalAddressWidth: 46)
    var space = AddressSpace(
      memoryByteCount: 0, mappings: [Self.mapping("large", 0x4000_0000, 3 << 20)])
    space.memory = [
      MemoryRange(base: 0, byteCount: 2 << 20), MemoryRange(base: 3 << 20, byteCount: 2 << 20),
      MemoryRange(base: 16 << 20, byteCount: 3 << 20),
    ]
    let built = try BuiltAddressSpace(space, configuration: configuration)
    #expect(built.placements == [16 << 20])
    space.memory[2].byteCount -= 4096
    #expect(throws: AddressSpaceBuildError.self) {
      _ = try BuiltAddressSpace(space, configuration: configuration)
    }
    // Ranges that touch are one memory.
    space.memory = [
      MemoryRange(base: 4 << 20, byteCount: 2 << 20),
      MemoryRange(base: 2 << 20, byteCount: 2 << 20),
    ]
    let touching = try BuiltAddressSpace(space, configuration: configuration)
    #expect(touching.machineRanges?.count == 1 && touching.placements[0] >= 2 << 20)
  }

  @Test("A table in a hole is a table where no memory is")
  func tableInHole() throws {
    let built = try BuiltAddressSpace(
      Self.computer(), configuration: PagingConfiguration(physicalAddressWidth: 46))
    let place = Self.at(built.cr3 + 511 * 8)
    let word = try #require(built.memory.view.loadWord(at: place))
    built.memory.view.storeWord(
      word & ~PageTableEntry.Bit.address | 0xb_0000, at: place)
    let report = try Verifier.modelOnly.verify(built)
    #expect(report.verdict == .disagreement)
    #expect(report.comparison?.differences.map(\.kind) == [.notMapped])
    let found = try #require(report.disagreements.first { $0.verdict.page.subject == .mapping(4) })
    #expect(found.verdict.modelled != .success(Self.at(0)))
    #expect(found.steps.count == 1)
  }

  @Test("A size alone is what it was: memory from address 0 on")
  func plain() throws {
    var space = AddressSpace(memoryByteCount: 8 << 20, mappings: [])
    #expect(space.memory == [MemoryRange(base: 0, byteCount: 8 << 20)])
    space.memory.append(MemoryRange(base: .max, byteCount: .max))
    #expect(space.memoryByteCount == .max)
    space.memoryByteCount = 4096
    #expect(space.memory == [MemoryRange(base: 0, byteCount: 4096)])
    let built = try BuiltAddressSpace(
      SampleSpaces.everySizeAndRight,
      configuration: PagingConfiguration(physicalAddressWidth: 46))
    #expect(built.machineRanges == nil)
  }
}
