// BootImage, loading: a kernel's segments are put into memory.

import GuestMem
import MMU

extension BootImage {
  /// Puts `kernel` into new memory, with tables where it does not make its own.
  ///
  /// - Throws: ``BootError`` when memory, addresses or the file do not allow it.
  package init(
    _ kernel: borrowing KernelFile, _ options: BootOptions
  ) throws(BootError) {
    let image = try Self.checked(kernel, options)
    for segment in kernel.segments { try image.load(segment, of: kernel) }
    self = image
  }

  private static func checked(
    _ kernel: borrowing KernelFile, _ options: BootOptions
  ) throws(BootError) -> BootImage {
    do throws(BootLayoutError) {
      return try BootImage(checking: kernel, options)
    } catch {
      throw .layout(error)
    }
  }

  private init(
    checking kernel: borrowing KernelFile, _ options: BootOptions
  ) throws(BootLayoutError) {
    let size = options.memoryByteCount
    guard size % 0x20_0000 == 0, size >= 4 << 20, size <= 3 << 30 else {
      throw .invalidMemorySize(size)
    }
    let commandLine = Array(options.commandLine.utf8)
    guard commandLine.count < 2048, !commandLine.contains(0) else {
      throw .invalidCommandLine(byteCount: commandLine.count)
    }
    let usesTables =
      switch options.tables ?? (kernel.pvhEntry == nil ? .programHeaders : .own) {
      case .programHeaders: true
      case .own: false
      }
    let places = SegmentPlaces(kernel.segments, memoryByteCount: size)
    try places.check(limit: places.kernelLimit)
    let memory = try Self.memory(size)
    var start: BootStart
    if usesTables {
      start = try BootTableWriter(places, memory.view).start(entry: kernel.entry)
    } else {
      guard let entry = kernel.pvhEntry else { throw .noPVHEntry }
      guard places.contains(UInt64(entry)) else { throw .pvhEntryOutsideSegments(entry) }
      start = .pvh(entry: entry)
    }
    HandoverPage(
      address: places.handoverAddress, start: start, memoryByteCount: size,
      commandLine: commandLine
    ).write(to: memory.view)
    self.memory = memory
    self.start = start
    handoverAddress = places.handoverAddress
    relocation = places.relocation
    code = kernel.segments.filter(\.isExecutable).map {
      let start = places.physicalAddress(of: $0)
      return start..<start + $0.byteCount
    }
  }

  private static func memory(_ byteCount: UInt64) throws(BootLayoutError) -> GuestMemory {
    do throws(GuestMemoryError) {
      return try GuestMemory(byteCount: byteCount, backing: .memoryFile)
    } catch {
      throw .memory(error)
    }
  }

  private borrowing func load(
    _ segment: KernelSegment, of kernel: borrowing KernelFile
  ) throws(BootError) {
    var done: UInt64 = 0
    while done < segment.fileByteCount {
      let count = min(segment.fileByteCount - done, 1 << 20)
      let bytes: [UInt8]
      do throws(KernelFileError) {
        bytes = try kernel.bytes(at: segment.fileOffset + done, count: count)
      } catch {
        throw .kernel(error)
      }
      // Where the segment is was checked.
      memory.view.writeBytes(
        bytes,
        at: GuestPhysicalAddress(
          truncating: segment.physicalAddress &+ (relocation ?? 0) &+ done))
      done += count
    }
  }
}
