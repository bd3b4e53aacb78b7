// Finding a place for the agent beside the tables under test.

import GuestMem
import MMU

extension VerificationWork {
  /// A root entry that is not present and a physical range that nothing else uses.
  ///
  /// Entries below which nothing is probed come first: a probe there would find the agent where the
  /// tables under test have nothing. An entry that CPL 3 cannot use is no place for an agent.
  static func findSlot(
    _ built: borrowing BuiltAddressSpace, plan: ProbePlan, profile: MachineProfile
  ) -> Result<AgentSlot, NotRunReasonError> {
    let memory = built.memory.view
    let space = built.space
    let shift = space.rootLevel.indexShift
    var probed: Set<Int> = []
    for page in plan.pages { probed.insert(Int(page.linearAddress >> shift & 511)) }
    let free = AgentSlot.rootIndexPreference.filter { index in
      let word = memory.loadWord(
        at: GuestPhysicalAddress(truncating: built.cr3 & ~0xfff + UInt64(index) * 8))
      return (word ?? 1) & 1 == 0
        && !profile.deviations.contains(.rootEntryUnreachableAtUser(index: index))
    }
    guard let rootIndex = free.first(where: { !probed.contains($0) }) ?? free.first else {
      return .failure(NotRunReasonError(reason: .noFreeRootEntry))
    }
    var devices = profile.memoryHoles
    for mapping in space.mappings {
      if case .device(let address) = mapping.target {
        devices.append(address.rawValue..<address.rawValue + mapping.byteCount)
      }
    }
    guard
      let address = AgentSlot.physicalAddress(
        memoryByteCount: space.memory.end, occupied: devices,
        addressWidth: profile.physicalAddressWidth)
    else { return .failure(NotRunReasonError(reason: .noRoomForAgent)) }
    return .success(
      AgentSlot(physicalAddress: address, rootIndex: rootIndex, rootLevel: space.rootLevel))
  }
}
