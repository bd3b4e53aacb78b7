// Holding what one source says about pages against what another one says.

extension PageStatement {
  /// The properties that are not said, or not so that they could be told from another value.
  ///
  /// A source that shows PCD and PWT without PAT names two memory types where the bit matters.
  func unsaid(in pageAttributeTable: UInt64) -> RangeProperties {
    let types = Set(
      Array<UInt8>(0..<8).filter { patIndices >> $0 & 1 != 0 }.map {
        PageFacts.firstIndex(ofTypeAt: $0, in: pageAttributeTable)
      })
    return types.count > 1 ? unsaid.union(RangeProperties(.memoryType)) : unsaid
  }

  /// The properties about which two sources say different things, and those that one of them does
  /// not say.
  ///
  /// What a leaf allows, entries above may forbid: where one source says what holds over all levels
  /// and the other one what leaves say, a right is different when the leaf denies what holds, and
  /// not compared when the leaf allows what does not hold.
  func comparison(
    with other: PageStatement, pageAttributeTable: UInt64
  ) -> (different: RangeProperties, notCompared: RangeProperties) {
    let both = mask.rawValue & other.mask.rawValue
    var wrong = PageFacts(rawValue: (value.rawValue ^ other.value.rawValue) & both)
    var notCompared = unsaid(in: pageAttributeTable).union(other.unsaid(in: pageAttributeTable))
    if basis != other.basis {
      let leaf = basis == .leaf ? value : other.value
      let open = wrong.intersection(.rights).intersection(leaf)
      wrong.subtract(open)
      notCompared.formUnion(open.properties)
    }
    let common = allowed.intersection(other.allowed)
    if common.isDisjoint(with: .patIndices) { wrong.insert(.patIndices) }
    if common.isDisjoint(with: .sizes) { wrong.insert(.sizes) }
    var different = wrong.properties
    if let left = physicalAddress, let right = other.physicalAddress, left != right {
      different.formUnion(RangeProperties(.physicalAddress))
    }
    return (different, notCompared.subtracting(different))
  }

  /// Takes back what is said about `properties`, so that it is not compared.
  public mutating func remove(_ properties: RangeProperties) {
    for property in properties.properties {
      switch property {
      case .physicalAddress: physicalAddress = nil
      case .writable: isWritable = nil
      case .executable: isExecutable = nil
      case .user: isUser = nil
      case .memoryType: patIndices = 0xff
      case .global: isGlobal = nil
      case .protectionKey: protectionKey = nil
      case .pageSize: pageSize = nil
      case .softwareBits: softwareBits = nil
      case .accessed: isAccessed = nil
      case .dirty: isDirty = nil
      }
    }
  }
}

extension AskedRange {
  /// The same range with nothing said about `properties` of its pages.
  public func without(_ properties: RangeProperties) -> AskedRange {
    guard var page, !properties.isEmpty else { return self }
    page.remove(properties)
    var range = self
    range.content = isRecursive ? .recursive(page) : .mapped(page)
    return range
  }
}
