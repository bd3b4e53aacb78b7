// ComparedSide: one side of a comparison, whatever kind of file says it.

import GuestMem
import Inspection
import MMU
import Probe

/// A file that says what is mapped.
enum ComparedSide {
  case image
  case addressSpace
  case listing(ListingKind, [UInt8])

  /// Finds out what the file at `path` is; a listing is read, and an image is not.
  static func of(_ path: String) throws(CommandFailure) -> ComparedSide {
    if ImageSource.isScheme(path) { return .image }
    if isAddressSpace(path) { return .addressSpace }
    // Images have no such beginning; a listing is read whole, a gigabyte of memory is not.
    let start = try bytes(path, byteLimit: 1023)
    guard start.first != 0x7f, !start.contains(0) else { return .image }
    guard let kind = ListingText.kind(of: start) else {
      if let foreign = ForeignListing(start) {
        throw CommandFailure(
          .badInput,
          "\(quoted(path)) is \(foreign.words), which is not compared: \(foreign.reason)",
          hint: foreign.hint)
      }
      return .image
    }
    let bytes = try bytes(path, byteLimit: listingByteLimit)
    guard bytes.count <= listingByteLimit else {
      throw CommandFailure(
        .badInput, "\(quoted(path)) is a listing of more than 1 GiB",
        hint: "compare memory images, which are not read whole")
    }
    return .listing(kind, bytes)
  }

  private static func bytes(
    _ path: String, byteLimit: Int
  ) throws(CommandFailure) -> [UInt8] {
    do throws(InputFileError) {
      return try InputFile.bytes(of: path, byteLimit: byteLimit)
    } catch {
      throw CommandFailure(error)
    }
  }

  private static let listingByteLimit = 1 << 30

  static func isAddressSpace(_ path: String) -> Bool {
    !ImageSource.isScheme(path) && [".yaml", ".yml", ".json"].contains { path.hasSuffix($0) }
  }

  var isImage: Bool { if case .image = self { true } else { false } }

  /// Entries with indices into IA32_PAT, which only its value turns into memory types.
  var hasTypesByIndex: Bool { if case .addressSpace = self { false } else { true } }

  /// What a file of this kind never says.
  var unsaid: RangeProperties {
    if case .listing(let kind, _) = self { kind.unsaid } else { [] }
  }

  /// What it is, in words.
  var words: String {
    switch self {
    case .image: "a memory image"
    case .addressSpace: "an address-space file"
    case .listing(let kind, _): kind.words
    }
  }

  /// What an address-space file or a listing says, in the order of addresses.
  ///
  /// `neighbour` says what the other side has at an address.
  func ranges(
    path: String, pageAttributeTable: UInt64,
    beside neighbour: (UInt64) -> ListingNeighbour? = { _ in nil }
  ) throws(CommandFailure) -> [AskedRange] {
    switch self {
    case .image: return []
    case .addressSpace:
      let file = try AddressSpaceFileReader(limits: .ofThisHost()).requireFile(path: path)
      // Neighbours that say the same may be one range, whichever mappings say it.
      return file.addressSpace.askedRanges(pageAttributeTable: pageAttributeTable).map {
        AskedRange(first: $0.first, last: $0.last, content: $0.content)
      }
    case .listing(let kind, let bytes):
      do throws(ListingProblem) {
        return try ListingText.read(
          bytes, kind, pageAttributeTable: pageAttributeTable, beside: neighbour
        ).ranges
      } catch {
        throw error.failure(path: path)
      }
    }
  }
}

extension AddressSpace {
  /// Where the mappings lead as far as they say it.
  var statedPlacements: [UInt64?] {
    mappings.map { mapping in
      switch mapping.target {
      case .anywhere: nil
      case .memory(let address), .device(let address): address.rawValue
      }
    }
  }

  /// What the mappings ask for, and where they lead as far as they say it.
  func askedRanges(pageAttributeTable: UInt64) -> [AskedRange] {
    askedRanges(placements: statedPlacements, pageAttributeTable: pageAttributeTable)
  }
}

extension PageTables {
  /// What the tables have at an address.
  func neighbour(
    _ address: UInt64, in memory: borrowing MemoryImage
  ) -> ListingNeighbour? {
    let walk = Walk(
      address, cr3: rootAddress.rawValue, configuration: configuration, in: memory)
    return walk.translation.map {
      ListingNeighbour(physical: $0.physicalAddress.rawValue, size: $0.pageSize)
    }
  }
}

extension [AskedRange] {
  /// What sorted ranges say about an address, as far as a listing needs it.
  func neighbour(_ address: UInt64) -> ListingNeighbour? {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle].first <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0, self[low - 1].last >= address, case .mapped(let page) = self[low - 1].content
    else { return nil }
    let range = self[low - 1]
    let isWide = range.last - address >= 1 << 30 - 1
    return ListingNeighbour(
      physical: page.physicalAddress.map { $0 &+ (address - range.first) },
      size: page.pageSize ?? (isWide ? .size1GiB : .size4KiB))
  }
}

/// Keeps the runs of a listing, up to a limit.
struct RunCollector: ListingReceiver {
  private(set) var runs: [MappedRun] = []
  private var hasTooMany = false

  /// A million runs need 100 MiB.
  static let limit = 1 << 20

  /// All runs of an image.
  ///
  /// - Throws: when shared tables map more than can be compared run by run.
  static func runs(of image: borrowing OpenedImage) throws(CommandFailure) -> [MappedRun] {
    var collector = RunCollector()
    image.tables.list(in: image.memory, shared: .automatic, to: &collector)
    if collector.hasTooMany { throw tooMany(image.path) }
    return collector.runs
  }

  /// Says that the image at `path` has too many runs for a list of them.
  static func tooMany(_ path: String) -> CommandFailure {
    CommandFailure(
      .badInput,
      "\(quoted(path)) has more than \(grouped(limit)) runs, or tables that "
        + "are shared too often to be listed one by one",
      hint: "kvmpt dump, kvmpt audit and kvmpt diff take any number")
  }

  mutating func receive(_ item: ListedItem) -> ListingDecision {
    if case .deadEnd = item { return .goOn }
    guard case .run(let run) = item, runs.count < Self.limit else {
      hasTooMany = true
      return .stop
    }
    runs.append(run)
    return .goOn
  }
}
