// The code on the landing pages of the libraries, compiled and run.

import GuestMem
import MMU
import Probe
import Testing

@testable import kvmpt

@Suite("The code on the landing pages works")
struct LibraryExampleTests {
  @Test("Tables are written as the page of GuestMem shows, and walked as the page of MMU shows")
  func tables() throws {
    let ram = try GuestMemory(byteCount: 64 << 20, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: ram.byteCount, freeMemory: .zero)
    var table = try PageTable(
      configuration: PagingConfiguration(), memory: ram.view, allocator: &allocator)
    try table.map(
      LinearAddress(0xffff_ffff_8000_0000, width: .bits48), byteCount: 4 << 20,
      to: GuestPhysicalAddress(0x20_0000), properties: PageProperties(rights: [.read, .execute]),
      allocator: &allocator)
    let paging = try PagingConfiguration(physicalAddressWidth: 48)
    let memory = ram.view
    let walk = Walk(
      0xffff_ffff_8020_0123, cr3: table.rootAddress.rawValue, configuration: paging, in: memory)
    #expect(walk.translation?.physicalAddress.rawValue == 0x40_0123)
    let prediction = walk.predict(
      Access(.write), mode: CPUMode(privilege: .user), configuration: paging)
    // CPL 3 may not write a supervisor page: present, write, user.
    #expect(prediction.outcome == .pageFault([.present, .write, .user]))
  }

  @Test("An address space is checked as the page of Probe shows")
  func addressSpace() throws {
    let kernel = Mapping(
      name: "kernel text", linearAddress: try LinearAddress(0xffff_ffff_8000_0000, width: .bits48),
      byteCount: 2 << 20, properties: PageProperties(rights: [.read, .execute]))
    let space = AddressSpace(memoryByteCount: 64 << 20, mappings: [kernel])
    #expect(space.check().isEmpty)
  }

  @Test("Each line of that code is what the pages show", arguments: ["MMU", "GuestMem", "Probe"])
  func pagesMatch(_ module: String) throws {
    let page = try DocumentationTests.text("Sources/\(module)/\(module).docc/\(module).md")
    let code = Self.lines(
      try DocumentationTests.text("Tests/kvmptTests/Documentation/LibraryExampleTests.swift"))
    let start = try #require(page.firstRange(of: "```swift\n")).upperBound
    let end = try #require(page[start...].firstRange(of: "```\n")).lowerBound
    // What a test replaces by an expectation, or cannot do without KVM.
    let replaced = ["print(", "for problem in", "let walk = Walk(", "let report = try Verifier()"]
    for line in Self.lines(String(page[start..<end])) {
      #expect(code.contains(line) || replaced.contains { line.hasPrefix($0) }, "\(line)")
    }
  }

  private static func lines(_ text: String) -> [String] {
    text.split(separator: "\n").map { String($0.trimmingPrefix(while: { $0 == " " })) }
  }
}
