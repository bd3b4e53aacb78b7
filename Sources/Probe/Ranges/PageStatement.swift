// PageStatement: what somebody says about the pages of a range; what is not said is not compared.

public import GuestMem
public import MMU

/// What a source says about mapped pages.
///
/// Each property is nil until it is set: a source that cannot say it leaves it so.
public struct PageStatement: Hashable, Sendable {
  /// Where the first page leads; the pages follow each other.
  public var physicalAddress: UInt64?
  /// Whether the rights are those over all levels, or those of the leaves alone.
  public var basis: AskedBasis
  /// The facts with one bit that are said, and their values.
  private(set) var mask: PageFacts = []
  private(set) var value: PageFacts = []
  /// The facts with a bit for each value that may be true.
  private(set) var allowed: PageFacts = [.patIndices, .sizes]
  /// The type that was set by its name; IA32_PAT need not have it.
  private(set) var memoryType: MemoryType?

  /// Says nothing but where the pages lead.
  public init(physicalAddress: UInt64? = nil, basis: AskedBasis = .effective) {
    self.physicalAddress = physicalAddress
    self.basis = basis
  }

  /// Says what is true of pages with `spread`; where they differ nothing is said.
  init(_ spread: FactSpread, physicalAddress: UInt64?, basis: AskedBasis = .effective) {
    self.init(physicalAddress: physicalAddress, basis: basis)
    let oneBit = ~PageFacts.patIndices.union(.sizes).union(.leafRights).rawValue
    let shift = basis == .leaf ? PageFacts.leafRightsShift : 0
    let rights = PageFacts.rights.rawValue
    let same = ~spread.varying.rawValue
    mask = PageFacts(rawValue: (same & ~rights | same >> shift & rights) & oneBit)
    let values = spread.all.rawValue
    value = PageFacts(rawValue: values & ~rights | values >> shift & rights).intersection(mask)
    mask.formIntersection(.everyFlag)
    value.formIntersection(.everyFlag)
    allowed = spread.any.intersection([.patIndices, .sizes])
  }

  private func flag(_ fact: PageFacts) -> Bool? {
    mask.contains(fact) ? value.contains(fact) : nil
  }

  private mutating func set(_ fact: PageFacts, _ newValue: Bool?) {
    mask.remove(fact)
    value.remove(fact)
    guard let newValue else { return }
    mask.insert(fact)
    if newValue { value.insert(fact) }
  }

  private func number(_ fact: PageFacts, shift: UInt64) -> UInt64? {
    mask.isSuperset(of: fact) ? value.intersection(fact).rawValue >> shift : nil
  }

  private mutating func set(_ fact: PageFacts, shift: UInt64, _ newValue: UInt64?) {
    set(fact, newValue.map { _ in false })
    if let newValue { value.insert(PageFacts(rawValue: newValue << shift).intersection(fact)) }
  }

  /// Pages can be written.
  public var isWritable: Bool? {
    get { flag(.writable) }
    set { set(.writable, newValue) }
  }
  /// Pages can be executed.
  public var isExecutable: Bool? {
    get { flag(.executable) }
    set { set(.executable, newValue) }
  }
  /// CPL 3 can use the pages.
  public var isUser: Bool? {
    get { flag(.user) }
    set { set(.user, newValue) }
  }
  /// G.
  public var isGlobal: Bool? {
    get { flag(.global) }
    set { set(.global, newValue) }
  }
  /// A.
  public var isAccessed: Bool? {
    get { flag(.accessed) }
    set { set(.accessed, newValue) }
  }
  /// D.
  public var isDirty: Bool? {
    get { flag(.dirty) }
    set { set(.dirty, newValue) }
  }
  /// Bits 62:59, 0 to 15.
  public var protectionKey: UInt8? {
    get { number(.key, shift: PageFacts.keyShift).map { UInt8($0) } }
    set { set(.key, shift: PageFacts.keyShift, newValue.map { UInt64($0) }) }
  }
  /// Bits for software, 10 of them.
  public var softwareBits: UInt16? {
    get { number(.software, shift: PageFacts.softwareShift).map { UInt16($0) } }
    set { set(.software, shift: PageFacts.softwareShift, newValue.map { UInt64($0) }) }
  }

  /// The indices into IA32_PAT that the pages may have, one bit for each; 0xff says nothing.
  public var patIndices: UInt8 {
    get { UInt8(truncatingIfNeeded: allowed.rawValue >> PageFacts.patShift) }
    set {
      allowed.remove(.patIndices)
      allowed.insert(PageFacts(rawValue: UInt64(newValue) << PageFacts.patShift))
    }
  }

  /// Says that pages have one of the types that the indices in `candidates` have.
  ///
  /// Every index whose type by `pageAttributeTable` is the same will do.
  public mutating func setMemoryTypes(
    ofIndices candidates: UInt8, in pageAttributeTable: UInt64
  ) {
    func first(_ index: UInt8) -> UInt8 {
      PageFacts.firstIndex(ofTypeAt: index, in: pageAttributeTable)
    }
    let indices = Array<UInt8>(0..<8)
    let types = Set(indices.filter { candidates >> $0 & 1 != 0 }.map(first))
    patIndices = indices.reduce(0) { types.contains(first($1)) ? $0 | 1 << $1 : $0 }
  }

  /// Says that pages have `type` by `pageAttributeTable`.
  ///
  /// Source: Intel SDM volume 3A, section 13.12.
  public mutating func setMemoryType(_ type: MemoryType, in pageAttributeTable: UInt64) {
    memoryType = type
    patIndices = (0..<8).reduce(0) { set, index in
      MemoryType(patIndex: index, in: pageAttributeTable) == type ? set | 1 << index : set
    }
  }

  /// The only size that the pages may have, or nil when several may be.
  public var pageSize: PageSize? {
    get {
      let sizes = PageSize.allCases.filter { allowed.contains(.size($0)) }
      return sizes.count == 1 ? sizes[0] : nil
    }
    set {
      allowed.formUnion(.sizes)
      guard let newValue else { return }
      allowed.remove(.sizes)
      allowed.insert(.size(newValue))
    }
  }

  /// The properties that are not said.
  public var unsaid: RangeProperties {
    var said = mask.properties
    if physicalAddress != nil { said.formUnion(RangeProperties(.physicalAddress)) }
    if patIndices != 0xff { said.formUnion(RangeProperties(.memoryType)) }
    if !allowed.isSuperset(of: .sizes) { said.formUnion(RangeProperties(.pageSize)) }
    return RangeProperties.all.subtracting(said)
  }

  /// The facts that differ when pages with `spread` are held against what is said.
  func difference(from spread: FactSpread) -> PageFacts {
    var (mask, value) = (mask.rawValue, value.rawValue)
    if basis == .leaf {
      let rights = PageFacts.rights.rawValue
      mask = mask & ~rights | (mask & rights) << PageFacts.leafRightsShift
      value = value & ~rights | (value & rights) << PageFacts.leafRightsShift
    }
    let wrong = ((spread.all.rawValue ^ value) | (spread.any.rawValue ^ value)) & mask
    let kinds = PageFacts.patIndices.union(.sizes).rawValue
    return PageFacts(rawValue: wrong | spread.any.rawValue & kinds & ~allowed.rawValue)
  }

}
