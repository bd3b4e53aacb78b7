// AgentSlot: where the agent is put, in physical and in linear memory.

import GuestImages
import MMU

/// Where the agent's slot and window are.
struct AgentSlot: Hashable, Sendable {
  /// Guest-physical address of the slot.
  let physicalAddress: UInt64
  /// The root entry that leads to the window.
  let rootIndex: Int
  /// The first linear address of the window.
  let windowAddress: UInt64

  /// Root entries in the order of preference: high in the lower half first, far from where
  /// programs are; 256 last, because some machines cannot use it at CPL 3.
  static let rootIndexPreference =
    Array((0...255).reversed()) + Array((257...511).reversed()) + [256]

  init(physicalAddress: UInt64, rootIndex: Int, rootLevel: Level) {
    self.physicalAddress = physicalAddress
    self.rootIndex = rootIndex
    let width: LinearAddressWidth = rootLevel == .pageMapLevel5 ? .bits57 : .bits48
    windowAddress = width.signExtended(UInt64(rootIndex) << rootLevel.indexShift)
  }

  /// The physical address of the root's copy, which CR3 points at.
  var rootAddress: UInt64 { physicalAddress + UInt64(KVMPT_ROOT_COPY) }

  /// The linear address of record `index`, as code at `privilege` sees it.
  func recordAddress(_ index: Int, at privilege: PrivilegeLevel) -> UInt64 {
    let alias: UInt64 = privilege == .user ? UInt64(KVMPT_USER_ALIAS) : 0
    return windowAddress + alias + UInt64(KVMPT_RECORDS) + UInt64(index) * UInt64(KVMPT_RECORD_SIZE)
  }

  /// A place for the slot above RAM that no device occupies, and that no RAM address with one
  /// flipped bit reaches.
  ///
  /// - Returns: nil when `addressWidth` leaves no room.
  static func physicalAddress(
    memoryByteCount: UInt64, occupied: [Range<UInt64>], addressWidth: UInt8
  ) -> UInt64? {
    guard addressWidth > 24 else { return nil }
    let limit: UInt64 = 1 << UInt64(addressWidth)
    for shift in 24..<UInt64(addressWidth) {
      let address: UInt64 = 3 << shift
      let end = address + UInt64(KVMPT_SLOT_SIZE)
      guard end <= limit else { return nil }
      guard address / 2 >= memoryByteCount || shift + 2 == addressWidth, address >= memoryByteCount
      else { continue }
      // The first 4 GiB hold what hosts reserve.
      guard address >= 1 << 32 || addressWidth < 34 else { continue }
      if !occupied.contains(where: { $0.overlaps(address..<end) }) { return address }
    }
    return nil
  }
}
