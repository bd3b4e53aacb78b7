// ComparedSide: the mappings of one side of a comparison, whatever kind of file says them.

import GuestMem
import MMU
import Probe

enum ComparedSide {
  /// The listing in the file at `path`, or nil when it is no listing.
  static func text(of path: String) throws(CommandFailure) -> ListingText? {
    if isAddressSpace(path) { return nil }
    do throws(InputFileError) {
      // Images have no such beginning; a listing is read whole, a gigabyte of memory is not.
      let start = try InputFile.bytes(of: path, byteLimit: 256)
      guard !start.prefix(256).contains(0), start.first != 0x7f else { return nil }
      return ListingText.read(
        String(decoding: try InputFile.bytes(of: path, byteLimit: 1 << 28), as: UTF8.self))
    } catch {
      throw CommandFailure(error)
    }
  }

  static func isAddressSpace(_ path: String) -> Bool {
    [".yaml", ".yml", ".json"].contains { path.hasSuffix($0) }
  }

  /// The mappings of an address-space file or of an image, in the order of addresses.
  static func stretches(
    _ path: String, _ basis: RightsBasis, _ options: ImageOptions, _ pat: PATArgument
  ) throws(CommandFailure) -> [Stretch] {
    if isAddressSpace(path) {
      let file = try AddressSpaceFileReader(limits: .ofThisHost()).requireFile(path: path)
      return file.addressSpace.mappings.compactMap(Stretch.init).sorted { $0.first < $1.first }
    }
    let image = try OpenedImage.open(path: path, options: options, pat: pat)
    let runs = try RunCollector.runs(of: image)
    return runs.map { Stretch($0, basis, pat: image.pat) }
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
  /// Throws: when shared tables map more than can be compared run by run.
  static func runs(of image: borrowing OpenedImage) throws(CommandFailure) -> [MappedRun] {
    var collector = RunCollector()
    image.tables.list(in: image.memory, shared: .automatic, to: &collector)
    if collector.hasTooMany {
      throw CommandFailure(
        .badInput,
        "\(quoted(image.path)) has more than \(grouped(limit)) runs, or tables that "
          + "are shared too often to be listed one by one",
        hint: "kvmpt dump and kvmpt audit take any number")
    }
    return collector.runs
  }

  mutating func receive(_ item: ListedItem) -> ListingDecision {
    guard case .run(let run) = item, runs.count < Self.limit else {
      hasTooMany = true
      return .stop
    }
    runs.append(run)
    return .goOn
  }
}

extension Stretch {
  /// What a mapping asks for; nil where it asks for no mapping.
  init?(_ mapping: Mapping) {
    let properties = mapping.properties
    guard properties.rights.contains(.read), mapping.byteCount > 0 else { return nil }
    let physical: UInt64? =
      switch mapping.target {
      case .anywhere: nil
      case .memory(let address), .device(let address): address.rawValue
      }
    self.init(
      first: mapping.linearAddress.rawValue,
      last: mapping.linearAddress.rawValue &+ (mapping.byteCount - 1), physical: physical,
      isWritable: properties.rights.contains(.write), isUser: properties.isUser,
      isExecutable: properties.rights.contains(.execute), isGlobal: properties.isGlobal,
      memoryType: properties.memoryType, key: properties.protectionKey)
  }
}
