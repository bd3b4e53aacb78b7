// Boot tables that are refused something: nothing has changed then.

import MMU
import Testing

@testable import GuestMem

@Suite("A boot table that is refused something has changed nothing")
struct BootFailureTests {
  /// What may be done, by name.
  enum Change: CaseIterable {
    case mapPage, mapUserPage, mapRange, protectPage, protectRange, grantRight

    func make(_ machine: inout BootMachine) throws(PageTableError) {
      switch self {
      case .mapPage:
        try machine.table.map(
          linear(0x7000_0000_0000), to: physical(0), properties: plain,
          allocator: &machine.allocator)
      case .mapUserPage:
        try machine.table.map(
          linear(2 << 30 | 0x40_0000 | 5 << 12), to: physical(0),
          properties: PageProperties(rights: [.read, .write, .execute], isUser: true),
          allocator: &machine.allocator)
      case .mapRange:
        try machine.table.map(
          linear(4 << 39 - 0x1000), byteCount: 0x40_2000, to: physical(0x1000),
          properties: plain, pageSizes: .exactly(.size4KiB), allocator: &machine.allocator)
      case .protectPage:
        try machine.table.protect(
          linear(9 << 30), change: PropertyChange(rights: .read), allocator: &machine.allocator)
      case .protectRange:
        try machine.table.protect(
          linear(9 << 30 | 0x1f_f000), byteCount: 0x7fc0_2000,
          change: PropertyChange(isGlobal: true), allocator: &machine.allocator)
      case .grantRight:
        try machine.table.protect(
          linear(0xffff_8000_0000_0000), change: PropertyChange(rights: [.read, .write, .execute]),
          allocator: &machine.allocator)
      }
    }
  }

  @Test("At every number of free frames", arguments: Change.allCases)
  func everyAllocation(change: Change) throws {
    for free in 0...20 as ClosedRange<UInt64> {
      var machine = try BootMachine(.restricted, freeFrameCount: free)
      let before = machine.everyByte
      do throws(PageTableError) {
        try change.make(&machine)
      } catch {
        #expect(error.id == "out-of-frames", "\(error)")
        #expect(machine.everyByte == before)
        #expect(machine.allocator.freeFrames == free)
        #expect(machine.violations == [])
        continue
      }
      #expect(free > 0)
      #expect(machine.allocator.freeFrames == 0, "it needs exactly what it takes")
      #expect(machine.violations == [])
      #expect(machine.changedFirmwareByteCount == 0)
      return
    }
    Issue.record("\(change) never succeeds")
  }

  @Test("Adoption takes one frame, or says that there is none")
  func adoptionWithoutFrames() throws {
    let machine = try BootMachine(.identity2MiB)
    let view = machine.memory.view
    var allocator = try FrameAllocator(byteCount: machine.memory.byteCount)
    try allocator.reserve(0..<machine.memory.byteCount)
    let before = machine.everyByte
    #expect(throws: AdoptionError.refused(.outOfFrames(needed: 1, available: 0))) {
      _ = try BootPageTable(
        adopting: machine.firmwareRoot, configuration: machine.paging, memory: view,
        allocator: &allocator)
    }
    #expect(machine.everyByte == before)
    try allocator.free(physical(0x30_0000))
    _ = try BootPageTable(
      adopting: machine.firmwareRoot, configuration: machine.paging, memory: view,
      allocator: &allocator)
    #expect(allocator.freeFrames == 0)
  }

  @Test("Every table of the firmware whose frame is free is found before anything is taken")
  func freeTables() throws {
    for layout in FirmwareLayout.allCases {
      let machine = try BootMachine(layout)
      var survey = TableFrames()
      PageTables(cr3: machine.firmwareRoot, configuration: machine.paging)
        .traverse(in: machine.memory.view, &survey)
      #expect(survey.frames.count > 2 || layout == .identity1GiB)
      for frame in survey.frames {
        var allocator = try FrameAllocator(byteCount: machine.memory.byteCount)
        try allocator.reserve(0..<BootMachine.firmwareByteCount)
        try allocator.free(physical(frame))
        let free = allocator.freeFrames
        let before = machine.everyByte
        do throws(AdoptionError) {
          let table = try BootPageTable(
            adopting: machine.firmwareRoot, configuration: machine.paging,
            memory: machine.memory.view, allocator: &allocator)
          Issue.record("\(layout) was adopted with \(table.rootAddress)")
        } catch {
          guard case .tableIsFree(frame, _, _) = error else {
            Issue.record("\(error)")
            continue
          }
          #expect(error.id == "table-is-free" && error.message.contains(String(frame, radix: 16)))
        }
        #expect(allocator.freeFrames == free)
        #expect(machine.everyByte == before)
        // As a node of the same allocator it is refused too.
        _ = allocator.takeNodeFrame()
        allocator.metadata.setNodeState(
          NodeState(level: .pageTable, presentCount: 0), of: frame >> 12)
        do throws(AdoptionError) {
          _ = try BootPageTable(
            adopting: machine.firmwareRoot, configuration: machine.paging,
            memory: machine.memory.view, allocator: &allocator)
          Issue.record("\(layout) was adopted")
        } catch {
          guard case .tableIsNode(frame, _, _) = error else {
            Issue.record("\(error)")
            continue
          }
        }
      }
    }
  }
}

/// The frames of all tables below a root.
private struct TableFrames: TableVisitor {
  var frames: Set<UInt64> = []

  mutating func visit(_ table: TableVisit) -> TraversalDecision {
    frames.insert(table.address.rawValue)
    return .enter
  }

  mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
    // A cycle is entered by the fall of the levels, and ends.
    .enter
  }
}

/// Plain data.
private let plain = PageProperties(rights: [.read, .write])

extension BootMachine {
  var everyByte: [UInt8] {
    memory.view.readBytes(at: physical(0), count: Int(memory.byteCount)) ?? []
  }
}
