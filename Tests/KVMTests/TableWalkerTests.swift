// Who walks the tables, and who may miss what the host writes into them.

import KVM
import Testing

@Suite("A walker that keeps copies of the tables is known as one")
struct TableWalkerTests {
  @Test("KVM may miss changes where it shadows tables, and where nobody says that it does not")
  func shadowing() {
    let shadowing = TableWalker.allCases.filter(\.isShadowing)
    #expect(shadowing == [.shadowPaging, .pvm, .unknown])
  }

  @Test("Every walker has a name of its own, and the emulated processor is named behind it")
  func names() {
    #expect(Set(TableWalker.allCases.map(\.name)).count == TableWalker.allCases.count)
    #expect(HostProcessor.silicon.remark.isEmpty)
    #expect(HostProcessor.qemuTCG.remark == ", emulated by QEMU TCG")
  }
}
