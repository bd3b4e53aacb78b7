// Where the agent is put, and what that does to spaces that leave it little room.

import GuestMem
import MMU
import TestHosts
import Testing

@testable import Probe

@Suite(
  "The agent is put where nothing is probed, and shows nowhere",
  .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct AgentPlacementTests {
  private static func address(_ rootIndex: Int) -> LinearAddress {
    LinearAddress(
      truncating: LinearAddressWidth.bits48.signExtended(UInt64(rootIndex) << 39), width: .bits48)
  }

  private static func mapping(_ rootIndex: Int, _ byteCount: UInt64, _ rights: PageRights)
    -> Mapping
  {
    Mapping(
      name: "root entry \(rootIndex)", linearAddress: address(rootIndex), byteCount: byteCount,
      properties: PageProperties(rights: rights, isUser: !rights.isEmpty))
  }

  @Test("Every root entry that is used is calibrated, however many there are")
  func manyRootEntries() throws {
    let indices = Array(2..<102) + [256]
    let space = AddressSpace(
      memoryByteCount: 64 << 20, mappings: indices.map { Self.mapping($0, 4096, [.read, .write]) })
    let report = try Verifier().verify(space)
    #expect(report.agrees(but: ["explained"]))
    #expect(report.total.executedCount == report.total.probeCount)
  }

  @Test("A range that must not be mapped does not show the agent")
  func unmappedHalf() throws {
    let space = AddressSpace(
      memoryByteCount: 4 << 20, mappings: [Self.mapping(0, 1 << 47, [])])
    let report = try Verifier().verify(space)
    #expect(report.isAgreement)
    #expect(report.total.executedCount == report.total.probeCount)
  }

  @Test("Where everything is probed, the pages in which the agent is are left out, with the reason")
  func everythingIsProbed() throws {
    let space = AddressSpace(
      memoryByteCount: 4 << 20,
      mappings: [Self.mapping(0, 1 << 47, []), Self.mapping(256, 1 << 47, [])])
    let report = try Verifier().verify(space)
    #expect(report.agrees(but: ["reaches-agent", "explained"]) && !report.isAgreement)
    let missing = report.total.notRun
    #expect(Set(missing.keys) == [.reachesAgent])
    // The first page of one root entry, in the six ways, and no more than its neighbours.
    let count = try #require(missing[.reachesAgent])
    #expect(count >= 6 && count <= 18)
  }

  @Test("Tables that use every root entry are left to the model, with the reason")
  func everyRootEntry() throws {
    let space = AddressSpace(
      memoryByteCount: 16 << 20,
      mappings: (0..<512).map { Self.mapping($0, 4096, [.read, .write]) })
    let report = try Verifier().verify(space)
    #expect(report.unproved.map(\.id) == ["no-free-root-entry"] && !report.isAgreement)
    #expect(report.total.notRun == [.noFreeRootEntry: report.total.probeCount])
  }
}
