// A place for the agent beside the tables of an image.

import GuestMem
import MMU

extension AgentSlot {
  /// A root entry that is not present, and physical addresses that nothing leads to.
  ///
  /// `occupied` are the physical ranges that pages lead to. An entry that CPL 3 cannot use is no
  /// place for an agent, and where somebody expects something it would be in the way.
  static func beside(
    _ tables: borrowing ImageTables, occupied: [Range<UInt64>], _ question: ImageQuestion,
    profile: MachineProfile, width: UInt8
  ) -> Result<AgentSlot, NotRunReasonError> {
    let memory = tables.original
    let level = question.configuration.rootLevel
    let root = question.cr3 & PageTableEntry.Bit.address
    let free = rootIndexPreference.filter { index in
      let word = memory.loadWord(
        at: GuestPhysicalAddress(truncating: root + UInt64(index) * 8))
      return (word ?? 1) & 1 == 0
        && !profile.deviations.contains(.rootEntryUnreachableAtUser(index: index))
    }
    let asked = question.expectation?.rootIndices(of: level) ?? []
    // Unmapped pages beside mapped ones are probed, and the agent would be in their place.
    func isInUse(_ index: Int) -> Bool {
      let word = memory.loadWord(
        at: GuestPhysicalAddress(truncating: root + UInt64(index) * 8))
      return (word ?? 0) & 1 != 0
    }
    let apart = free.first { index in
      !asked.contains(index) && !(index & 255 > 0 && isInUse(index - 1))
        && !(index & 255 < 255 && isInUse(index + 1))
    }
    guard let rootIndex = apart ?? free.first(where: { !asked.contains($0) }) ?? free.first else {
      return .failure(NotRunReasonError(reason: .noFreeRootEntry))
    }
    let all =
      occupied + profile.memoryHoles + tables.ranges.map { $0.physicalAddress..<$0.end }
      + tables.absentTables.map { $0..<$0 + 4096 }
    guard let address = physicalAddress(memoryByteCount: 0, occupied: all, addressWidth: width)
    else { return .failure(NotRunReasonError(reason: .noRoomForAgent)) }
    return .success(AgentSlot(physicalAddress: address, rootIndex: rootIndex, rootLevel: level))
  }
}
