// QEMUGuest: a running QEMU whose guest's memory and registers are read.

internal import MMU

/// A guest in a running QEMU, asked over QEMU's machine protocol.
///
/// Nothing is written to the guest. It is paused and let go on by whoever uses this; one that ends without
/// letting it go on does so when it is freed.
public final class QEMUGuest {
  /// Where QEMU listens, as the user wrote it.
  public let address: String
  /// How the memory is read.
  public let method: Method
  /// The width of physical addresses that the guest's CPUID tells; nil where QEMU does not say.
  public let physicalAddressWidth: UInt8?
  /// The guest's CPUID has 1 GiB pages; nil where QEMU does not say.
  public let hasGibibytePages: Bool?
  /// The guest ran when it was found.
  public let wasRunning: Bool

  /// The way to the bytes of the guest's memory.
  public enum Method: String, Hashable, Sendable {
    /// QEMU's own memory, read as that of a process of this host.
    case processMemory = "process-memory"
    /// The monitor's command `xp`.
    case monitor
  }

  private let memory: LiveRAM
  private let segments: [MemorySegment]
  private var isPaused = false

  /// Connects to QEMU at `address`, a socket's path or HOST:PORT, and asks where the guest's memory is.
  ///
  /// - Throws: ``LiveSourceError``.
  public init(address: String) throws(LiveSourceError) {
    let client = try QMPClient(address)
    let status = try client.execute("query-status")
    let found = RAMRange.ranges(inFlatViews: try client.printed("info mtree -f"))
    guard !found.isEmpty else {
      throw .refused(command: "info mtree -f", reason: "it shows no memory of a guest")
    }
    let cpus = try client.execute("query-cpus-fast")
    var processMemory = client.process.flatMap(ProcessMemory.init(process:))
    var parts = ByteParts<LiveRAM.Part>()
    var segments: [MemorySegment] = []
    var hostAddresses: [UInt64?] = []
    for range in found {
      let address = "0x\(String(range.physicalAddress, radix: 16))"
      let host =
        processMemory == nil ? nil : Self.hostAddress(try client.printed("gpa2hva \(address)"))
      hostAddresses.append(host)
      let offset = parts.append(
        LiveRAM.Part(physicalAddress: range.physicalAddress, hostAddress: host),
        byteCount: range.byteCount)
      segments.append(
        MemorySegment(
          physicalAddress: GuestPhysicalAddress(truncating: range.physicalAddress),
          byteCount: range.byteCount, fileOffset: offset))
    }
    if !hostAddresses.contains(where: { $0 != nil }) { processMemory = nil }
    if let memory = processMemory, try !Self.isRight(memory, found, hostAddresses, client) {
      processMemory = nil
    }
    self.address = address
    wasRunning = status.flag("running") ?? false
    method = processMemory == nil ? .monitor : .processMemory
    self.segments = segments
    if let path = cpus.text("qom-path") {
      func property(_ name: String) throws(LiveSourceError) -> QMPAnswer? {
        do throws(LiveSourceError) {
          return try client.execute(
            "qom-get", "{\"path\":\"\(path)\",\"property\":\"\(name)\"}")
        } catch {
          if case .refused = error { return nil }
          throw error
        }
      }
      let width = try property("phys-bits")?.number("return")
      physicalAddressWidth = width.flatMap { (32...52).contains($0) ? UInt8($0) : nil }
      hasGibibytePages = try property("pdpe1gb")?.flag("return")
    } else {
      physicalAddressWidth = nil
      hasGibibytePages = nil
    }
    memory = LiveRAM(parts, processMemory, client)
  }

  deinit { try? resume() }

  /// Reads `Host virtual address for 0x0 (pc.ram) is 0x7f0000000000`.
  private static func hostAddress(_ text: String) -> UInt64? {
    guard let range = text.firstRange(of: " is 0x") else { return nil }
    return UInt64(text[range.upperBound...].prefix { $0.isHexDigit }, radix: 16)
  }

  /// The process is the one whose guest this is: its memory has what the monitor prints, in the first range
  /// with bytes that are not 0.
  private static func isRight(
    _ memory: ProcessMemory, _ ranges: [RAMRange], _ hostAddresses: [UInt64?], _ client: QMPClient
  ) throws(LiveSourceError) -> Bool {
    for (range, hostAddress) in zip(ranges, hostAddresses) {
      guard let hostAddress else { continue }
      let count = Int(min(64, range.byteCount))
      var bytes = [UInt8](repeating: 0, count: count)
      // SAFETY: the array has so many bytes.
      let isRead = unsafe bytes.withUnsafeMutableBytes {
        unsafe memory.read(at: hostAddress, into: $0)
      }
      guard isRead, try client.memory(at: range.physicalAddress, byteCount: count) == bytes else {
        return false
      }
    }
    return true
  }

  /// Stops the guest, which keeps its state; nothing happens to one that does not run.
  ///
  /// - Throws: ``LiveSourceError``.
  public func pause() throws(LiveSourceError) {
    guard wasRunning, !isPaused else { return }
    try memory.withClient { (client) throws(LiveSourceError) in _ = try client.execute("stop") }
    isPaused = true
  }

  /// Lets a guest go on that ``pause()`` stopped.
  ///
  /// - Throws: ``LiveSourceError``.
  public func resume() throws(LiveSourceError) {
    guard isPaused else { return }
    isPaused = false
    try memory.withClient { (client) throws(LiveSourceError) in _ = try client.execute("cont") }
  }

  /// The guest's memory and the registers of its processors, as they are while it is read.
  ///
  /// - Throws: ``LiveSourceError``, or ``MemoryImageError``.
  public func image() throws -> MemoryImage {
    let text = try memory.withClient { (client) throws(LiveSourceError) in
      try client.printed("info registers -a")
    }
    var notes = CoreNotes()
    notes.processors = ImageProcessor.processors(inRegisters: text)
    return MemoryImage(.qemu, segments, notes, try FileBytes(memory))
  }
}
