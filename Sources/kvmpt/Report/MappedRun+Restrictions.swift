// The rights that leaves give and entries above them take away.

import MMU

extension MappedRun {
  /// A right that a leaf gives and an entry above takes away.
  struct Restriction {
    enum Right: String { case write, user, fetch }
    let right: Right
    let entry: EntryReference
  }

  /// What entries above the leaves take away, and which entry does.
  var restrictions: [Restriction] {
    var result: [Restriction] = []
    if leaf.isWritable, let entry = inherited.writeRestriction {
      result.append(Restriction(right: .write, entry: entry))
    }
    if leaf.isUserAccessible, let entry = inherited.userRestriction {
      result.append(Restriction(right: .user, entry: entry))
    }
    if !leaf.isNoExecute, let entry = inherited.fetchRestriction {
      result.append(Restriction(right: .fetch, entry: entry))
    }
    return result
  }
}
