// ImageTables: the tables of a memory image, where machines can take copies of them.

public import GuestMem
public import Inspection
public import MMU

/// The memory of an image as its machines get it: sparse, with the tables in it.
///
/// Only pages that a walk can read are copied. Every other page is stamped before a probe looks at
/// it, so what the image holds there is never needed: a core of many GiB costs what its tables
/// take, wherever its segments stand in the file. Each machine has a private copy-on-write view.
struct ImageTables: ~Copyable, Sendable {
  let memory: GuestMemory
  /// Where the image has memory, in whole pages by address.
  let ranges: [MachineMemoryRange]
  let tableCount: Int
  /// Where entries point at tables that the image does not hold.
  let absentTables: [UInt64]

  /// So many tables take 256 MiB, and map 128 GiB with 4 KiB pages.
  static let tableLimit = 65_536
  /// A machine has a slot for each range; KVM has 32,764 of them on x86-64.
  ///
  /// Source: Linux, KVM API, section 4.35 (KVM_SET_USER_MEMORY_REGION) and KVM_CAP_NR_MEMSLOTS.
  static let rangeLimit = 32_000
  /// Up to here the window shows physical addresses as they are; what is above follows without
  /// holes, because no process has room for all physical addresses.
  private static let plainLimit: UInt64 = 1 << 40

  /// Copies the tables below `cr3` that a processor of any of `configurations` can read.
  ///
  /// Memory at `addressLimit` and above is left out.
  ///
  /// - Throws: ``ImageProofError``.
  ///
  /// - Complexity: 512 words for each table and level that it is used at.
  init(
    _ image: borrowing MemoryImage, cr3: UInt64, configurations: [PagingConfiguration],
    addressLimit: UInt64
  ) throws(ImageProofError) {
    let ranges = Self.ranges(of: image.segments, below: addressLimit)
    guard ranges.count <= Self.rangeLimit else { throw .tooManyRanges(ranges.count) }
    var frames: Set<UInt64> = []
    var absent: Set<UInt64> = []
    for configuration in configurations {
      let tables = TableSet(
        root: cr3 & PageTableEntry.Bit.address, configuration: configuration,
        limit: Self.tableLimit
      ) { address in
        // A page that the image holds in part reads as 0 where it does not.
        image.loadWord(at: GuestPhysicalAddress(truncating: address))
          ?? (ranges.range(at: address) == nil ? nil : 0)
      }
      guard tables.frames.count <= Self.tableLimit else { throw .tooManyTables(Self.tableLimit) }
      frames.formUnion(tables.frames)
      absent.formUnion(tables.absentTables)
    }
    do throws(MemoryImageError) {
      // Tables that could not be read are no tables that are empty.
      try image.requireWhole()
    } catch {
      throw .image(error)
    }
    do throws(GuestMemoryError) {
      memory = try GuestMemory(
        byteCount: ranges.reduce(0) { max($0, $1.offset + $1.byteCount) }, backing: .memoryFile)
    } catch {
      throw .machine(.memory(error))
    }
    for frame in frames {
      guard let range = ranges.range(at: frame) else { continue }
      for index in 0..<UInt64(512) {
        let word = image.loadWord(at: GuestPhysicalAddress(truncating: frame + index * 8)) ?? 0
        guard word != 0 else { continue }
        let offset = range.offset + (frame - range.physicalAddress) + index * 8
        memory.view.storeWord(word, at: GuestPhysicalAddress(truncating: offset))
      }
    }
    self.ranges = ranges
    tableCount = frames.count
    absentTables = absent.sorted()
  }

  /// The segments in whole pages, those that touch in one, each with its place in the window.
  private static func ranges(
    of segments: [MemorySegment], below limit: UInt64
  ) -> [MachineMemoryRange] {
    var pages: [Range<UInt64>] = []
    for segment in segments {
      let start = segment.physicalAddress.rawValue & ~0xfff
      let end = min((segment.end + 0xfff) & ~0xfff, limit & ~0xfff)
      guard start < end else { continue }
      if let last = pages.last, start <= last.upperBound {
        pages[pages.count - 1] = last.lowerBound..<max(last.upperBound, end)
      } else {
        pages.append(start..<end)
      }
    }
    var free = pages.last { $0.upperBound <= plainLimit }?.upperBound ?? 0
    return pages.map { range in
      let byteCount = range.upperBound - range.lowerBound
      let isPlain = range.upperBound <= plainLimit
      let offset = isPlain ? range.lowerBound : free
      if !isPlain { free += byteCount }
      return MachineMemoryRange(
        physicalAddress: range.lowerBound, byteCount: byteCount, offset: offset)
    }
  }

  /// The memory as the model reads it, without an agent.
  var original: ProbeMemory {
    ProbeMemory(ram: memory.view, ranges: ranges, agent: nil, agentAddress: .max)
  }
}

/// Why the tables of an image cannot be proved.
public enum ImageProofError: Error, Hashable, Sendable {
  /// There are more tables than one run takes.
  case tooManyTables(Int)
  /// There are more ranges of memory than a machine has slots for.
  case tooManyRanges(Int)
  /// The machine could not be had, or failed.
  case machine(MachineError)
  /// The tables have a root that no processor has.
  case configuration(PagingConfigurationError)
  /// The image lost words that it had when it was opened.
  case image(MemoryImageError)

  /// The stable name of the reason, the same in every output format.
  public var id: String {
    switch self {
    case .tooManyTables: "too-many-tables"
    case .tooManyRanges: "too-many-ranges"
    case .machine(let error): error.id
    case .configuration: "unsupported-configuration"
    case .image(let error): error.id
    }
  }

  /// What happened.
  public var message: String {
    switch self {
    case .tooManyTables(let limit): "the image has more than \(limit) tables below this root"
    case .tooManyRanges(let count):
      "the image has memory in \(count) ranges, more than a machine has slots for"
    case .machine(let error): error.message
    case .configuration(let error): error.message
    case .image(let error): error.message
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .tooManyTables: "check --cr3: memory that holds no tables reads as a great many"
    case .tooManyRanges: "dump the memory with fewer holes in it"
    case .machine(let error): error.hint
    case .configuration(let error): error.hint
    case .image(let error): error.hint
    }
  }
}
