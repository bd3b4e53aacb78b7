// ConvertedRun: neighbouring pages that one mapping of an address-space file can stand for.

import GuestMem
import Inspection
import MMU
import Probe

/// Pages of one size that follow each other in linear and physical addresses, and of which
/// everything that a mapping says is the same.
struct ConvertedRun: Hashable {
  let linear: UInt64
  let physical: UInt64
  private(set) var pageCount: UInt64 = 1
  let pageSize: PageSize
  let properties: PageProperties
  /// Which of A and D are clear, unless they are left out.
  let clearFlags: PageFlags

  var byteCount: UInt64 { pageCount &* pageSize.byteCount }

  fileprivate init(
    _ page: MappedRun, _ leaf: PageTableEntry, _ type: MemoryType, ignoring ignored: RangeProperties
  ) {
    linear = page.linearAddress
    physical = page.physicalAddress.rawValue
    pageSize = page.pageSize
    var properties = PageProperties(rights: [.read])
    if page.isWritable { properties.rights.insert(.write) }
    if page.isExecutable { properties.rights.insert(.execute) }
    properties.isUser = page.isUser
    properties.isGlobal = leaf.isGlobal
    properties.memoryType = type
    // The key stands in the leaf whether CR4.PKE gives it a meaning or not.
    properties.protectionKey = leaf.protectionKey
    properties.softwareBits = leaf.softwareBits
    var clearFlags: PageFlags = []
    if !ignored.contains(.accessed) {
      properties.isAccessed = leaf.isAccessed
      if !leaf.isAccessed { clearFlags.insert(.accessed) }
    }
    if !ignored.contains(.dirty) {
      properties.isDirty = leaf.isDirty
      if !leaf.isDirty { clearFlags.insert(.dirty) }
    }
    self.properties = properties
    self.clearFlags = clearFlags
  }

  /// Takes in the page of `next` when it continues the run; says whether it did.
  fileprivate mutating func append(_ next: ConvertedRun) -> Bool {
    let bytes = byteCount
    guard next.linear == linear &+ bytes, next.linear != 0, next.physical == physical &+ bytes,
      next.pageSize == pageSize, next.properties == properties, next.clearFlags == clearFlags
    else { return false }
    pageCount &+= 1
    return true
  }
}

/// Puts the pages of an image together, up to a limit.
struct ConvertedRunCollector: TableVisitor {
  private(set) var runs: [ConvertedRun] = []
  private let types: [MemoryType?]
  private let ignored: RangeProperties
  /// The root entry whose addresses the file says by a recursive slot.
  private let recursiveIndex: Int?
  private var hasTooMany = false
  private var reservedIndex: UInt8?

  /// What a mapping need not say.
  static let optional: RangeProperties = [RangeProperties(.accessed), RangeProperties(.dirty)]

  private init(
    pat: PATArgument, ignoring properties: RangeProperties, besides slot: RecursiveSlot?
  ) {
    recursiveIndex = slot?.index
    types = (0..<8).map { pat.type(at: $0) }
    ignored = properties
  }

  /// All runs of an image, of which those of ``optional`` that are among `properties` are not said,
  /// besides those below a recursive slot.
  ///
  /// - Throws: when shared tables map more than a file can say, and where a page has a memory type
  ///   that the manual reserves.
  static func runs(
    of image: borrowing OpenedImage, ignoring properties: RangeProperties,
    besides slot: RecursiveSlot?
  ) throws(CommandFailure) -> [ConvertedRun] {
    let cost = image.tables.cost(in: image.memory)
    guard max(cost.leafCount, cost.tableCount) <= 1 << 23 else {
      throw RunCollector.tooMany(image.path)
    }
    var collector = ConvertedRunCollector(
      pat: image.pat, ignoring: properties, besides: slot)
    image.tables.traverse(in: image.memory, &collector)
    if collector.hasTooMany { throw RunCollector.tooMany(image.path) }
    if let index = collector.reservedIndex {
      throw CommandFailure(
        .badInput,
        "\(quoted(image.path)) has pages with PAT index \(index), whose memory type is reserved in"
          + " IA32_PAT 0x\(String(image.pat.value, radix: 16))",
        hint: "pass the IA32_PAT of the image with --pat")
    }
    return collector.runs
  }

  mutating func visit(_ table: TableVisit) -> TraversalDecision {
    hasTooMany || reservedIndex != nil ? .stop : .enter
  }

  mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
    guard case .page(let size) = entry.kind else {
      return table.parent == nil && entry.index == recursiveIndex ? .skip : .enter
    }
    let index = entry.entry.patIndex
    guard let type = types[Int(index & 7)] else {
      reservedIndex = index
      return .stop
    }
    let page = ConvertedRun(
      MappedRun(entry, size, inherited: table.inherited), entry.entry, type, ignoring: ignored)
    if runs.isEmpty || !runs[runs.count - 1].append(page) { runs.append(page) }
    hasTooMany = runs.count > RunCollector.limit
    return hasTooMany ? .stop : .enter
  }
}
