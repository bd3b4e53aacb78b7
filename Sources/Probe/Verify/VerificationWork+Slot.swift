// Finding a place for the agent beside the tables under test.

import GuestMem
import MMU

extension VerificationWork {
  /// A root entry that is not present and a physical range that nothing else uses.
  static func findSlot(
    _ built: borrowing BuiltAddressSpace, width: UInt8, holes: [Range<UInt64>]
  ) -> Result<AgentSlot, NotRunReasonError> {
    let memory = built.memory.view
    let space = built.space
    func isFree(_ index: Int) -> Bool {
      let word = memory.loadWord(
        at: GuestPhysicalAddress(truncating: built.cr3 & ~0xfff + UInt64(index) * 8))
      return (word ?? 1) & 1 == 0
    }
    // An entry whose addresses are probed shows the agent where nothing should be.
    var probed: Set<Int> = []
    let shift = space.rootLevel.indexShift
    for mapping in space.mappings {
      let first = mapping.linearAddress.rawValue
      for address in [first &- 4096, first, first &+ mapping.byteCount] {
        probed.insert(Int(address >> shift & 511))
      }
    }
    for expectation in space.expectations {
      probed.insert(Int(expectation.linearAddress >> shift & 511))
    }
    guard
      let rootIndex = AgentSlot.rootIndexPreference.first(where: {
        isFree($0) && !probed.contains($0)
      })
    else { return .failure(NotRunReasonError(reason: .noFreeRootEntry)) }
    var devices = holes
    for mapping in space.mappings {
      if case .device(let address) = mapping.target {
        devices.append(address.rawValue..<address.rawValue + mapping.byteCount)
      }
    }
    guard
      let address = AgentSlot.physicalAddress(
        memoryByteCount: space.memoryByteCount, occupied: devices, addressWidth: width)
    else { return .failure(NotRunReasonError(reason: .noRoomForAgent)) }
    return .success(
      AgentSlot(physicalAddress: address, rootIndex: rootIndex, rootLevel: space.rootLevel))
  }
}
