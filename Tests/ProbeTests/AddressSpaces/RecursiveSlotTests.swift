// A recursive slot from what is asked for to the verdict: on machines, and with wrong entries.

import GuestMem
import MMU
import TestHosts
import Testing

@testable import Probe

@Suite("A recursive slot is built and proved")
struct RecursiveSlotTests {
  static func space(
    _ index: Int, _ rights: PageRights = [.read, .write], level: Level = .pageMapLevel4
  ) -> AddressSpace {
    var space = SampleSpaces.everySizeAndRight
    space.rootLevel = level
    if level == .pageMapLevel5 { space.mappings.removeLast() }
    space.recursiveSlot = RecursiveSlot(index: index, rights: rights)
    return space
  }

  @Test(
    "A guest reads and writes its tables through the slot, whatever its index and rights",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"), arguments: [2, 255, 300, 510])
  func onKVM(_ index: Int) throws {
    for rights in [[.read], [.read, .write], [.read, .write, .execute]] as [PageRights] {
      let report = try Verifier().verify(Self.space(index, rights))
      #expect(report.agrees(but: lacksOfMachines), "\(report.unproved)")
      let tally = try #require(report.tallies[.recursiveSlot])
      #expect(report.recursivePageCount > report.statistics.tableCount)
      #expect(tally.probeCount >= 6 * report.recursivePageCount)
      #expect(tally.agreementCount > 0)
      #expect((tally.executed[2].allowedCount > 0) == rights.contains(.write))
      #expect(tally.executed.dropFirst(3).allSatisfy { $0.allowedCount == 0 })
    }
  }

  @Test(
    "The emulator does the same with 4 and 5 levels",
    .enabled(if: Host.hasQEMU, "needs qemu-system-x86_64"),
    arguments: [Level.pageMapLevel4, .pageMapLevel5])
  func onQEMU(_ level: Level) throws {
    let verifier = Verifier(factory: try QEMUMachineFactory())
    var space = Self.space(510, level: level)
    if level == .pageMapLevel5 {
      space.mappings.removeAll { $0.linearAddress.rawValue >> 63 == 1 }
    }
    let report = try verifier.verify(space)
    #expect(report.agrees(but: lacksOfMachines), "\(report.unproved)")
    #expect(try #require(report.tallies[.recursiveSlot]).agreementCount > 0)
  }

  @Test("An entry with any wrong bit is noticed, but for A and D")
  func everyBit() throws {
    let space = Self.space(510)
    for bit in 0..<64 {
      let built = try BuiltAddressSpace(
        space, configuration: PagingConfiguration(physicalAddressWidth: 48))
      let place = GuestPhysicalAddress(truncating: built.cr3 + 510 * 8)
      let word = try #require(built.memory.view.loadWord(at: place))
      built.memory.view.storeWord(word ^ 1 << UInt64(bit), at: place)
      let report = try Verifier.modelOnly.verify(built)
      let comparison = try #require(report.comparison)
      let isNoticed = comparison.differsInRecursiveSlot
      #expect(isNoticed == (bit != 5 && bit != 6), "bit \(bit)")
      #expect((report.verdict == .disagreement) == isNoticed)
      guard isNoticed else { continue }
      #expect(comparison.differences.count == 1)
      let difference = try #require(comparison.differences.first)
      guard case .recursive(let page)? = difference.asked?.content else {
        Issue.record("bit \(bit): \(String(describing: difference.asked))")
        continue
      }
      #expect(page.physicalAddress == built.cr3)
      let leadsOn = bit > 0 && bit != 7 && !(13...51).contains(bit)
      #expect(difference.kind == .different || !leadsOn, "bit \(bit)")
      #expect(!difference.message(in: comparison.pageAttributeTable).isEmpty)
    }
  }

  @Test("A builder that forgets the entry, or makes one that nobody asked for, is found out")
  func forgotten() throws {
    let configuration = try PagingConfiguration(physicalAddressWidth: 48)
    let change = { (space: AddressSpace, isAdded: Bool) in
      try BuiltAddressSpace(space, configuration: configuration, reasonToStop: { nil }) {
        root, memory in
        memory.storeWord(
          isAdded ? root | 1 << 63 | 3 : 0, at: GuestPhysicalAddress(truncating: root + 510 * 8))
      }
    }
    for (space, isAdded) in [
      (Self.space(510), false), (SampleSpaces.everySizeAndRight, true), (Self.space(509), true),
    ] {
      #expect {
        _ = try change(space, isAdded)
      } throws: {
        guard case AddressSpaceBuildError.brokenContract? = $0 as? AddressSpaceBuildError else {
          return false
        }
        return true
      }
    }
    // Without the contracts, by the comparison and the model.
    for (space, isAdded) in [(Self.space(510), false), (SampleSpaces.everySizeAndRight, true)] {
      let built = try BuiltAddressSpace(space, configuration: configuration)
      built.memory.view.storeWord(
        isAdded ? built.cr3 | 1 << 63 | 3 : 0,
        at: GuestPhysicalAddress(truncating: built.cr3 + 510 * 8))
      let report = try Verifier.modelOnly.verify(built)
      #expect(report.verdict == .disagreement)
      #expect(report.comparison?.differenceCount ?? 0 > 0)
      let subject: ProbeSubject = isAdded ? .unasked : .recursiveSlot
      #expect(try #require(report.tallies[subject]).disagreementCount > 0)
    }
  }

  @Test("The pages just before and behind what the slot shows are asked, too")
  func pagesBeside() throws {
    var spaceCount = 0
    for slot in 0..<512 {
      let space = Self.space(slot)
      // Where the mappings are, no slot can be.
      guard space.check().isEmpty, slot % 17 == 0 || slot > 508 else { continue }
      spaceCount += 1
      let built = try BuiltAddressSpace(
        space, configuration: PagingConfiguration(physicalAddressWidth: 48))
      let plan = built.plan()
      let range = UInt64(slot) << 39..<UInt64(slot + 1) << 39
      func isInSlot(_ page: ProbePage) -> Bool {
        range.contains(page.linearAddress & 0xffff_ffff_ffff)
      }
      let shown = Set(
        plan.pages.filter { $0.subject == .recursiveSlot }.map { $0.linearAddress })
      let beside = plan.pages.filter { page in
        if case .gap(nearMapping: -1) = page.subject { isInSlot(page) } else { false }
      }
      #expect(!beside.isEmpty && !shown.isEmpty)
      for page in beside {
        #expect(
          shown.contains(page.linearAddress &+ 0x1000)
            || shown.contains(page.linearAddress &- 0x1000),
          "slot \(slot), \(String(page.linearAddress, radix: 16))")
      }
    }
    #expect(spaceCount > 20)
  }

  @Test("A table that stands elsewhere than the builder says is noticed by the asked side")
  func movedTable() throws {
    let built = try BuiltAddressSpace(
      Self.space(510), configuration: PagingConfiguration(physicalAddressWidth: 48))
    // A copy of a page table, linked in place of it: every mapping is as it was.
    let table = try #require(built.tablePlaces.first { $0.level == .pageTable })
    let directory = try #require(
      built.tablePlaces.first {
        $0.level == .pageDirectory
          && $0.linearAddress == table.linearAddress & ~0x3fff_ffff
      })
    let copy = GuestPhysicalAddress(truncating: (built.memory.byteCount - 1) & ~0xfff)
    let words = try #require(built.memory.view.readWords(at: table.physicalAddress, count: 512))
    built.memory.view.writeWords(words[...], at: copy)
    let place = GuestPhysicalAddress(
      truncating: directory.physicalAddress.rawValue + (table.linearAddress >> 21 & 511) * 8)
    let link = try #require(built.memory.view.loadWord(at: place))
    built.memory.view.storeWord(
      link & ~PageTableEntry.Bit.address | copy.rawValue, at: place)
    let report = try Verifier.modelOnly.verify(built)
    #expect(try #require(report.tallies[.recursiveSlot]).disagreementCount > 0)
    #expect(report.tallies.filter { $0.value.disagreementCount > 0 }.map(\.key) == [.recursiveSlot])
  }
}
