// MappingDifference: what two sides say differently about linear addresses.

import GuestMem
import MMU
import Probe

/// A range about which two sides differ.
enum MappingDifference: Hashable {
  case removed(Stretch)
  case added(Stretch)
  case changed(from: Stretch, to: Stretch)

  /// The differences, in the order of addresses, as long as they can be.
  ///
  /// Complexity: O(n + m) for sides that are sorted and free of overlaps.
  static func between(_ old: [Stretch], _ new: [Stretch]) -> [MappingDifference] {
    var result: [MappingDifference] = []
    var left = old[...]
    var right = new[...]
    while let first = left.first ?? right.first {
      guard let before = left.first, let after = right.first else {
        append(left.isEmpty ? .added(first) : .removed(first), to: &result)
        if left.isEmpty { right.removeFirst() } else { left.removeFirst() }
        continue
      }
      if before.first < after.first {
        let last = min(before.last, after.first - 1)
        append(.removed(before.part(before.first, last)), to: &result)
        cut(&left, upTo: last)
      } else if after.first < before.first {
        let last = min(after.last, before.first - 1)
        append(.added(after.part(after.first, last)), to: &result)
        cut(&right, upTo: last)
      } else {
        let last = min(before.last, after.last)
        let (old, new) = (before.part(before.first, last), after.part(after.first, last))
        if !old.agrees(with: new) { append(.changed(from: old, to: new), to: &result) }
        cut(&left, upTo: last)
        cut(&right, upTo: last)
      }
    }
    return result
  }

  /// Takes the addresses up to `last` away from the first stretch.
  private static func cut(_ side: inout ArraySlice<Stretch>, upTo last: UInt64) {
    guard let first = side.first else { return }
    if first.last <= last {
      side.removeFirst()
    } else {
      side[side.startIndex] = first.part(last + 1, first.last)
    }
  }

  private static func append(_ next: MappingDifference, to list: inout [MappingDifference]) {
    switch (list.last, next) {
    case (.removed(var old)?, .removed(let new)) where old.append(new):
      list[list.count - 1] = .removed(old)
    case (.added(var old)?, .added(let new)) where old.append(new):
      list[list.count - 1] = .added(old)
    case (.changed(var from, var to)?, .changed(let nextFrom, let nextTo))
    where from.append(nextFrom) && to.append(nextTo):
      list[list.count - 1] = .changed(from: from, to: to)
    default: list.append(next)
    }
  }

  /// The stable name of the kind.
  var kind: String {
    switch self {
    case .removed: "removed"
    case .added: "added"
    case .changed: "changed"
    }
  }
}

extension Stretch {
  /// What is said, in a few words.
  var words: String {
    var text = "r" + (isWritable ? "w" : "-") + (isExecutable ? "x" : "-") + (isUser ? " user" : "")
    if let physical { text += " at \(HexadecimalNumber(physical))" }
    if let pageSize { text += " \(pageSize.label)" }
    if let memoryType { text += " \(memoryType.abbreviation)" }
    if isGlobal == true { text += " G" }
    if let key, key != 0 { text += " key \(key)" }
    return text
  }
}
