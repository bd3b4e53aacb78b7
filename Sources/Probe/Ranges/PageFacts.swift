// PageFacts: what an entry says about a page besides its address, in one word that can be combined.

import GuestMem
import MMU

/// What is true of pages, one bit for each fact.
///
/// A fact that has several values, as the size of a page, has a bit for each value. So the facts of
/// many pages are two words: what is true of all of them, and what is true of any.
struct PageFacts: OptionSet, Hashable, Sendable {
  let rawValue: UInt64

  init(rawValue: UInt64) { self.rawValue = rawValue }

  /// R/W is set at every level.
  static let writable = PageFacts(rawValue: 1)
  /// U/S is set at every level.
  static let user = PageFacts(rawValue: 2)
  /// XD is clear at every level.
  static let executable = PageFacts(rawValue: 4)
  /// R/W, U/S and XD of the leaf alone, in the order of the three above.
  static let leafRightsShift: UInt64 = 3
  static let rights = PageFacts(rawValue: 7)
  static let leafRights = PageFacts(rawValue: 7 << leafRightsShift)
  static let global = PageFacts(rawValue: 1 << 6)
  static let accessed = PageFacts(rawValue: 1 << 7)
  static let dirty = PageFacts(rawValue: 1 << 8)
  /// One bit for each index into IA32_PAT.
  static let patShift: UInt64 = 16
  static let patIndices = PageFacts(rawValue: 0xff << patShift)
  /// One bit for each size.
  static let sizeShift: UInt64 = 24
  static let sizes = PageFacts(rawValue: 7 << sizeShift)
  // Wider than they are in entries: a number that no entry can have is no other one.
  static let softwareShift: UInt64 = 32
  static let software = PageFacts(rawValue: 0xffff << softwareShift)
  static let keyShift: UInt64 = 48
  static let key = PageFacts(rawValue: 0xff << keyShift)
  /// Everything that a statement says with a bit of its own.
  static let everyFlag: PageFacts = [.rights, .global, .accessed, .dirty, .software, .key]

  /// The facts of `leaf`, whose rights are not restricted by anything above it.
  init(_ leaf: PageTableEntry) {
    var bits = leaf.isWritable ? Self.writable.rawValue : 0
    if leaf.isUserAccessible { bits |= Self.user.rawValue }
    if !leaf.isNoExecute { bits |= Self.executable.rawValue }
    bits |= bits << Self.leafRightsShift
    if leaf.isGlobal { bits |= Self.global.rawValue }
    if leaf.isAccessed { bits |= Self.accessed.rawValue }
    if leaf.isDirty { bits |= Self.dirty.rawValue }
    bits |= 1 << (Self.patShift + UInt64(leaf.patIndex))
    bits |= Self.size(leaf.pageSize ?? .size4KiB).rawValue
    bits |= UInt64(leaf.softwareBits) << Self.softwareShift
    bits |= UInt64(leaf.protectionKey) << Self.keyShift
    rawValue = bits
  }

  /// The first index into IA32_PAT with the type that `index` has, so that equal types are equal.
  static func firstIndex(ofTypeAt index: UInt8, in pageAttributeTable: UInt64) -> UInt8 {
    func encoding(_ index: UInt8) -> UInt8 {
      UInt8(truncatingIfNeeded: pageAttributeTable >> (8 * UInt64(index & 7)))
    }
    return (0..<8).first { encoding($0) == encoding(index) } ?? index
  }

  /// The fact that a page has this size.
  static func size(_ size: PageSize) -> PageFacts {
    PageFacts(rawValue: 1 << (sizeShift + UInt64(size.level.rawValue) - 1))
  }

  /// The facts that `link`, an entry above, takes from the pages below it.
  ///
  /// Source: Intel SDM volume 3A, section 5.6.1.
  static func denied(by link: PageTableEntry) -> PageFacts {
    var denied: PageFacts = []
    if !link.isWritable { denied.insert(.writable) }
    if !link.isUserAccessible { denied.insert(.user) }
    if link.isNoExecute { denied.insert(.executable) }
    return denied
  }

  /// The properties that these facts are about.
  var properties: RangeProperties {
    func set(_ facts: PageFacts, _ property: RangeProperty) -> RangeProperties {
      rawValue & facts.rawValue == 0 ? [] : RangeProperties(property)
    }
    let anyRights = rawValue | rawValue >> Self.leafRightsShift
    var result: RangeProperties = []
    if anyRights & 1 != 0 { result.formUnion(RangeProperties(.writable)) }
    if anyRights & 2 != 0 { result.formUnion(RangeProperties(.user)) }
    if anyRights & 4 != 0 { result.formUnion(RangeProperties(.executable)) }
    return result.union(set(.global, .global)).union(set(.accessed, .accessed))
      .union(set(.dirty, .dirty)).union(set(.patIndices, .memoryType))
      .union(set(.sizes, .pageSize)).union(set(.software, .softwareBits))
      .union(set(.key, .protectionKey))
  }
}

/// The facts of several pages.
struct FactSpread: Hashable, Sendable {
  /// What is true of every page; all bits where there are none.
  var all = PageFacts(rawValue: ~0)
  /// What is true of some page.
  var any: PageFacts = []

  init() {}
  init(_ facts: PageFacts) { (all, any) = (facts, facts) }

  mutating func add(_ other: FactSpread) {
    all = PageFacts(rawValue: all.rawValue & other.all.rawValue)
    any = PageFacts(rawValue: any.rawValue | other.any.rawValue)
  }

  /// Without what entries above deny.
  func without(_ denied: PageFacts) -> FactSpread {
    var spread = self
    spread.all = PageFacts(rawValue: all.rawValue & ~denied.rawValue)
    spread.any = PageFacts(rawValue: any.rawValue & ~denied.rawValue)
    return spread
  }

  /// The facts in which the pages differ from each other.
  var varying: PageFacts { PageFacts(rawValue: all.rawValue ^ any.rawValue) }
}
