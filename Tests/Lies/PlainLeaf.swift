// PlainLeaf: what an address means, read off the words without the product's model.

/// A leaf with the rights that the way to it leaves.
struct PlainLeaf: Equatable {
  /// The first linear address.
  var first: UInt64
  /// The last linear address.
  var last: UInt64
  /// Where the first address leads.
  var physical: UInt64
  /// The size of the page, in bytes.
  var size: UInt64
  /// R/W at every level.
  var isWritable: Bool
  /// U/S at every level.
  var isUser: Bool
  /// XD at no level.
  var isExecutable: Bool
  /// The byte of IA32_PAT that PAT, PCD and PWT select.
  var memoryType: UInt64
  /// G.
  var isGlobal: Bool
  /// Bits 62:59.
  var key: UInt64
  /// Bits 11:9 and 58:52.
  var software: UInt64
  /// A.
  var isAccessed: Bool
  /// D.
  var isDirty: Bool
}

/// What somebody asked for at an address, as far as it decides which properties count.
struct PlainQuestion {
  /// The size of page is asked for.
  var saysSize = false
}

extension PlainLeaf {
  /// What of this leaf does not hold any more at `address`, where `other` is now; empty when a
  /// question that this leaf answers is answered by `other`, too.
  ///
  /// The processor sets A and D, so that a set one where a clear one was is no difference.
  func differences(from other: PlainLeaf, at address: UInt64, _ question: PlainQuestion) -> [String]
  {
    var found: [String] = []
    func compare(_ differs: Bool, _ name: String) { if differs { found.append(name) } }
    compare(
      physical &+ (address &- first) != other.physical &+ (address &- other.first), "address")
    compare(isWritable != other.isWritable, "write")
    compare(isUser != other.isUser, "user")
    compare(isExecutable != other.isExecutable, "execute")
    compare(memoryType != other.memoryType, "memory type")
    compare(isGlobal != other.isGlobal, "global")
    compare(key != other.key, "key")
    compare(software != other.software, "software bits")
    compare(question.saysSize && size != other.size, "page size")
    compare(isAccessed && !other.isAccessed, "accessed")
    compare(isDirty && !other.isDirty, "dirty")
    return found
  }
}
