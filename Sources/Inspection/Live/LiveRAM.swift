// LiveRAM: the guest-physical memory of a running QEMU.

internal import Synchronization

/// The ranges of memory of a guest, one behind the other.
final class LiveRAM: ByteSource {
  let byteCount: UInt64
  private let parts: ByteParts<Part>
  private let memory: ProcessMemory?
  private let client: Mutex<QMPClient>

  /// A range of the guest's memory.
  struct Part: Sendable {
    let physicalAddress: UInt64
    /// The address in QEMU's memory; nil where QEMU does not tell one.
    let hostAddress: UInt64?
  }

  /// Reads through `memory` what has an address there, and asks the monitor for all else.
  init(_ parts: ByteParts<Part>, _ memory: ProcessMemory?, _ client: sending QMPClient) {
    self.parts = parts
    self.memory = memory
    self.client = Mutex(client)
    byteCount = parts.byteCount
  }

  /// Calls `body` with the connection, which one thread uses at a time.
  func withClient<Result: Sendable>(
    _ body: (QMPClient) throws(LiveSourceError) -> Result
  ) throws(LiveSourceError) -> Result {
    try client.withLock { (client) throws(LiveSourceError) in try body(client) }
  }

  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> MemoryImageError? {
    unsafe parts.read(at: offset, into: buffer) { part, position, target in
      unsafe read(part, position, into: target)
    }
  }

  private func read(
    _ part: Part, _ place: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) -> MemoryImageError? {
    if let memory, let hostAddress = part.hostAddress,
      unsafe memory.read(at: hostAddress + place, into: buffer)
    {
      return nil
    }
    do throws(LiveSourceError) {
      let bytes = try withClient { (client) throws(LiveSourceError) in
        try client.memory(at: part.physicalAddress + place, byteCount: buffer.count)
      }
      // SAFETY: as many bytes as the buffer has.
      unsafe buffer.copyBytes(from: bytes)
      return nil
    } catch {
      return .lostSource(reason: error.message)
    }
  }
}

extension QMPClient {
  /// So many bytes are asked for at once.
  private static let partByteCount = 4096

  /// Guest-physical memory, as the monitor prints it.
  ///
  /// Source: QEMU documentation, "QEMU Monitor", `xp /fmt addr`.
  func memory(at address: UInt64, byteCount: Int) throws(LiveSourceError) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < byteCount {
      let count = min(byteCount - bytes.count, Self.partByteCount)
      let place = address + UInt64(bytes.count)
      let text = try printed("xp /\(count)xb 0x\(String(place, radix: 16))")
      let found = text.split(separator: "\n").flatMap { line in
        line.drop { $0 != ":" }.dropFirst().split(separator: " ").compactMap {
          UInt8($0.hasPrefix("0x") ? $0.dropFirst(2) : $0, radix: 16)
        }
      }
      guard found.count == count else {
        throw .refused(
          command: "xp",
          reason: "it printed \(found.count) of \(count) bytes at "
            + "0x\(String(place, radix: 16))")
      }
      bytes += found
    }
    return bytes
  }
}
