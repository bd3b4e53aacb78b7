// What tables map and nobody asked for is a disagreement, whoever put it there.

import GuestMem
import MMU
import TestHosts
import Testing

@testable import Probe

@Suite("What the tables map and nobody asked for is a disagreement")
struct UnaskedPagesTests {
  /// A space of one page, and its tables with 168 pages beside it that CPL 3 may write and execute.
  static func built() throws -> BuiltAddressSpace {
    let page = Mapping(
      name: "page", linearAddress: LinearAddress(truncating: 0x40_0000, width: .bits48),
      byteCount: 4096, properties: PageProperties(rights: [.read, .write], isUser: true))
    let space = AddressSpace(memoryByteCount: 4 << 20, mappings: [page])
    let built = try Verifier.modelOnly.build(space, nil)
    let memory = built.memory.view
    let walk = Walk(0x40_0000, cr3: built.cr3, configuration: built.configuration, in: memory)
    let step = try #require(walk.lastStep)
    for index in UInt64(2)..<170 {
      memory.storeWord(
        0x10_0000 + index << 12 | 7,
        at: GuestPhysicalAddress(truncating: step.entryAddress.rawValue + index * 8))
    }
    return built
  }

  @Test("168 user-writable executable pages beside a mapping are no agreement, with no machine")
  func byTheModel() throws {
    let report = try Verifier.modelOnly.verify(try Self.built())
    #expect(report.verdict == .disagreement && !report.isAgreement)
    let comparison = try #require(report.comparison)
    #expect(comparison.differenceCount == 1)
    let difference = try #require(comparison.differences.first)
    #expect(difference.kind == .notAsked && difference.leafCount == 168)
    #expect(difference.first == 0x40_2000 && difference.last == 0x4a_9fff)
    #expect(difference.found?.isUser == true && difference.found?.isExecutable == true)
  }

  @Test("The same on the machine", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func onTheMachine() throws {
    let report = try Verifier().verify(try Self.built())
    #expect(report.verdict == .disagreement && !report.isAgreement)
    #expect(report.comparison?.differences.map(\.leafCount) == [168])
    // They are executed too, and they answer.
    let unasked = try #require(report.tallies[.unasked])
    #expect(unasked.probeCount == 168 * 6 && unasked.executedCount == 168 * 6)
    #expect(unasked.disagreementCount == 168 * 6)
    #expect(report.disagreements.first?.verdict.page.subject == .unasked)
  }

  @Test(
    "An entry that is present and has reserved bits is no entry that is not there",
    arguments: [1, 2, 3])
  func reservedBits(_ level: Int) throws {
    let page = Mapping(
      name: "page", linearAddress: LinearAddress(truncating: 0x40_0000, width: .bits48),
      byteCount: 4096, properties: PageProperties(rights: [.read, .write]))
    let built = try Verifier.modelOnly.build(
      AddressSpace(memoryByteCount: 4 << 20, mappings: [page]), nil)
    let memory = built.memory.view
    let walk = Walk(0x40_0000, cr3: built.cr3, configuration: built.configuration, in: memory)
    let step = try #require(walk.steps.first { Int($0.level.rawValue) == level })
    // Far from the mapping, in the same table, with PS and address bits below the page's.
    let place = GuestPhysicalAddress(truncating: step.entryAddress.rawValue & ~0xfff | 300 * 8)
    memory.storeWord(level == 1 ? 1 << 51 | 1 : 0x2081, at: place)
    let narrow = try PagingConfiguration(physicalAddressWidth: 40)
    let plan = ProbePlan(
      built.space, cr3: built.cr3, configuration: narrow, in: built.physicalMemory)
    let unasked = plan.pages.filter { $0.subject == .unasked }
    #expect(unasked.count == (level == 1 ? 1 : 3))
    let first = level == 1 ? 0x52_c000 : UInt64(300) << UInt64(12 + 9 * (level - 1))
    #expect(unasked.first?.linearAddress == first)
    // The model alone has a processor with every address bit.
    guard level > 1 else { return }
    let report = try Verifier.modelOnly.verify(built)
    #expect(report.verdict == .disagreement)
    #expect(report.tallies[.unasked]?.disagreementCount == 18)
  }

  @Test("A plan that looks elsewhere changes nothing")
  func otherPlan() throws {
    let plan = ProbePlan(pages: [ProbePage(containing: 0x40_0000, subject: .mapping(0))])
    let report = try Verifier.modelOnly.verify(try Self.built(), plan: plan)
    #expect(report.comparison?.differenceCount == 1 && !report.isAgreement)
  }

  @Test("A key or software's bits that no entry can have agree with no page")
  func impossibleNumbers() throws {
    let built = try Verifier.modelOnly.build(
      AddressSpace(
        memoryByteCount: 4 << 20,
        mappings: [
          Mapping(
            name: "page", linearAddress: LinearAddress(truncating: 0x40_0000, width: .bits48),
            byteCount: 4096, properties: PageProperties(rights: [.read]))
        ]), nil)
    let tables = PageTables(cr3: built.cr3, configuration: built.configuration)
    func properties(_ change: (inout PageStatement) -> Void) -> [RangeProperties] {
      var page = PageStatement(physicalAddress: built.placements[0])
      change(&page)
      return RangeComparison.between(
        [AskedRange(first: 0x40_0000, last: 0x40_0fff, content: .mapped(page))], and: tables,
        in: built.memory.view, pageAttributeTable: built.pageAttributeTable
      ).differences.map(\.properties)
    }
    for key: UInt8 in [16, 128, 255] {
      #expect(properties { $0.protectionKey = key } == [RangeProperties(.protectionKey)])
    }
    for bits: UInt16 in [0x400, 0xfc00, 0xffff] {
      #expect(properties { $0.softwareBits = bits } == [RangeProperties(.softwareBits)])
    }
    #expect(properties { ($0.protectionKey, $0.softwareBits) = (0, 0) } == [])
  }

  @Test("A comparison that was cut short is no agreement, and says from where on")
  func interrupted() throws {
    var options = VerificationOptions()
    options.timeLimit = .seconds(1800)
    options.isCancelled = { true }
    let report = try Verifier.modelOnly.verify(try Self.built(), options: options)
    #expect(report.verdict == .interrupted && !report.isAgreement)
    let unfinished = try #require(report.comparison?.unfinished)
    #expect(unfinished.reason == .interrupted && unfinished.rangeCount == 1)
    #expect(unfinished.linearAddress == 0)
  }
}
