// ConformanceAccess: the ways in which a case uses its address.

import GuestImages
import MMU

/// An access that the agent has a loop for.
enum ConformanceAccess: UInt8, CaseIterable, Sendable {
  case read, write, fetch
  /// A locked read-modify-write that leaves the word as it is.
  case lockedOr
  /// A push, a near call and a pop: stack accesses.
  case push, call, pop
  /// Eight bytes, half of them in the next page.
  case crossingRead, crossingWrite
  /// The processor's own read of a descriptor, caused at CPL 3.
  case descriptor

  /// The agent's loop.
  var loop: AgentBatch.Loop {
    switch self {
    case .read, .crossingRead: .read
    case .write, .crossingWrite: .write
    case .fetch: .fetch
    case .lockedOr: .lockedOr
    case .push: .push
    case .call: .call
    case .pop: .pop
    case .descriptor: .descriptor
    }
  }

  /// What the access is to the model.
  var access: Access {
    switch self {
    case .read, .crossingRead: Access(.read)
    case .write, .crossingWrite, .lockedOr: Access(.write)
    case .fetch: Access(.fetch)
    case .push, .call: Access(.write, origin: .stack)
    case .pop: Access(.read, origin: .stack)
    case .descriptor: Access(.read, origin: .implicitSupervisor)
    }
  }

  /// How the instruction makes it.
  var form: AccessForm {
    switch self {
    case .lockedOr: .locked
    case .crossingRead, .crossingWrite: .crossing
    default: .plain
    }
  }

  /// The access leaves a word of its own where it goes.
  var leavesToken: Bool { self == .write || self == .push || self == .call }

  /// What the agent's record holds for an access of the bytes from `address` on.
  func recordAddress(for address: UInt64) -> UInt64 {
    switch self {
    case .push, .call: address &+ 8
    default: address
    }
  }

  /// Where in its page an access looks, in bytes; `slot` is the number of its write slot.
  func offset(writeSlot slot: Int) -> UInt64 {
    switch self {
    case .read, .pop: UInt64(KVMPT_STAMP_ADDRESS)
    case .fetch: UInt64(KVMPT_STAMP_FETCH)
    case .lockedOr: UInt64(KVMPT_STAMP_WRITE)
    case .write, .push, .call: UInt64(KVMPT_STAMP_WRITE) + UInt64(slot) * 8
    case .crossingRead, .crossingWrite: 0xffc
    case .descriptor: ConformanceStamp.descriptorOffset
    }
  }

  /// The access in words.
  var words: String {
    switch self {
    case .read: "read"
    case .write: "write"
    case .fetch: "fetch"
    case .lockedOr: "locked write"
    case .push: "push"
    case .call: "call"
    case .pop: "pop"
    case .crossingRead: "read across two pages"
    case .crossingWrite: "write across two pages"
    case .descriptor: "descriptor read"
    }
  }
}
