// Stretch: a range of linear addresses that is mapped in one way, whoever says so.

import GuestMem
import MMU

/// What somebody says about a range; nil is what they do not say.
struct Stretch: Hashable, Sendable {
  var first: UInt64
  /// The last address, so that the top of the address space needs no 65th bit.
  var last: UInt64
  var physical: UInt64?
  var isWritable: Bool
  var isUser: Bool
  var isExecutable: Bool
  var isGlobal: Bool?
  var memoryType: MemoryType?
  var key: UInt8?
  var pageSize: PageSize?

  /// The part from `newFirst` to `newLast`, which lies inside.
  func part(_ newFirst: UInt64, _ newLast: UInt64) -> Stretch {
    var part = self
    part.first = newFirst
    part.last = newLast
    part.physical = physical.map { $0 &+ (newFirst - first) }
    return part
  }

  /// Nothing that both sides say about the same range differs.
  func agrees(with other: Stretch) -> Bool {
    func same<Value: Equatable>(_ left: Value?, _ right: Value?) -> Bool {
      left == nil || right == nil || left == right
    }
    return isWritable == other.isWritable && isUser == other.isUser
      && isExecutable == other.isExecutable && same(physical, other.physical)
      && same(isGlobal, other.isGlobal) && same(memoryType, other.memoryType)
      && same(key, other.key) && same(pageSize, other.pageSize)
  }

  /// Takes in `next` when it continues this one in the same way.
  mutating func append(_ next: Stretch) -> Bool {
    guard last < .max, next.first == last + 1 else { return false }
    var continued = self
    continued.first = next.first
    continued.last = next.last
    continued.physical = physical.map { $0 &+ (next.first - first) }
    guard continued == next else { return false }
    last = next.last
    return true
  }
}

/// Which bits of a leaf count when it is compared with what somebody says.
enum RightsBasis {
  /// Over all levels.
  case effective
  /// The leaf's own, as QEMU's `info tlb` shows them.
  case leaf
}

extension Stretch {
  init(_ run: MappedRun, _ basis: RightsBasis, pat: PATArgument) {
    let isLeaf = basis == .leaf
    self.init(
      first: run.linearAddress, last: run.lastAddress, physical: run.physicalAddress.rawValue,
      isWritable: isLeaf ? run.leaf.isWritable : run.isWritable,
      isUser: isLeaf ? run.leaf.isUserAccessible : run.isUser,
      isExecutable: isLeaf ? !run.leaf.isNoExecute : run.isExecutable,
      isGlobal: run.leaf.isGlobal, memoryType: pat.type(at: run.leaf.patIndex),
      key: run.leaf.protectionKey, pageSize: run.pageSize)
  }
}
