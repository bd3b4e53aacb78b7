// Tables that the guest writes to while the host uses them.

import MMU
import Testing

@testable import GuestMem

@Suite("A guest that writes to its tables harms itself and nobody else")
struct ScribbledTableTests {
  @Test("An entry that is made absent over and over does not count its way into the lock")
  func endlessCount() throws {
    var machine = try TestMachine()
    let properties = PageProperties(rights: [.read, .write])
    var node = machine.table.rootAddress.rawValue
    var state = NodeState(rawValue: 0)
    for round in 0..<5000 {
      try machine.table.map(
        linear(0), byteCount: 4096, to: physical(0), properties: properties,
        allocator: &machine.allocator)
      if round == 0 {
        for _ in 0..<3 {
          node = try #require(machine.memory.view.loadWord(at: physical(node))) & EntryBits.address
        }
      }
      state = machine.table.tableMemory.metadata.nodeState(of: node >> 12)
      guard state.isFree, state.lockProblem(.spin) == nil else { break }
      machine.memory.view.storeWord(0, at: physical(node))
    }
    #expect(state.isFree && state.lockProblem(.spin) == nil)
    #expect(state.isNode(of: .pageTable))
  }
}
