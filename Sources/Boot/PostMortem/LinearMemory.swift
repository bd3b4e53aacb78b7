// LinearMemory: bytes at linear addresses, read as the processor would, by walks.

import MMU

/// A guest's memory through its tables.
struct LinearMemory<Memory: PhysicalMemory> {
  let memory: Memory
  let tables: PageTables
  var mode: CPUMode

  /// Why an access fails, with its walk; nil when it succeeds.
  func failure(_ access: Access, at address: UInt64) -> FailedAccess? {
    let question = AccessQuestion(address, access, mode: mode, tables: tables)
    let walk = question.walk(in: memory)
    guard
      let blame = walk.explain(access, mode: mode, configuration: tables.configuration).blame
    else { return nil }
    return FailedAccess(question: question, walk: walk, blame: blame)
  }

  /// The first failure of an access to `count` bytes, at most a page of them.
  func failure(_ access: Access, at address: UInt64, count: UInt64) -> FailedAccess? {
    failure(access, at: address) ?? failure(access, at: address &+ count &- 1)
  }

  /// The bytes that `access` finds from `address` on, up to `count` or to where it fails.
  func bytes(_ access: Access, at address: UInt64, count: Int) -> [UInt8] {
    var result: [UInt8] = []
    for offset in 0..<UInt64(max(0, count)) {
      let place = address &+ offset
      let question = AccessQuestion(place, access, mode: mode, tables: tables)
      guard case .success(let physical) = question.outcome(in: memory),
        let word = memory.loadWord(
          at: GuestPhysicalAddress(truncating: physical.rawValue & ~7))
      else { break }
      result.append(UInt8(truncatingIfNeeded: word >> (physical.rawValue & 7 * 8)))
    }
    return result
  }

  /// The word that the processor reads for itself at `address`, or nil where it cannot.
  func word(at address: UInt64) -> UInt64? {
    let bytes = bytes(Access(.read, origin: .implicitSupervisor), at: address, count: 8)
    guard bytes.count == 8 else { return nil }
    return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

/// An access that fails, and why.
struct FailedAccess: Hashable, Sendable {
  let question: AccessQuestion
  let walk: Walk
  let blame: Blame

  static func == (one: FailedAccess, other: FailedAccess) -> Bool {
    one.question == other.question && one.blame == other.blame
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(question)
    hasher.combine(blame)
  }

  /// Why, by name.
  var reason: AccessReason {
    AccessReason(blame, leaf: walk.translation == nil ? nil : walk.lastStep?.level)
  }
}
