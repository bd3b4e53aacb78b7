// GDBStub: a debugger's stub that reads physical memory.

internal import MMU
internal import Synchronization

/// A machine behind a stub that speaks GDB's remote protocol and offers physical memory.
///
/// The stub stops the machine when somebody connects; one that ran goes on with ``release()``, or when this
/// is freed. What is read after that stops it again for as long.
///
/// Sources: GDB documentation, "GDB Remote Serial Protocol"; QEMU documentation, "GDB usage",
/// `Qqemu.PhyMemMode`.
public final class GDBStub: Sendable {
  /// Where the stub listens, as the user wrote it.
  public let address: String
  /// The connection; nil once the machine was let go on.
  private let link: Mutex<GDBLink?>

  /// Connects to a stub at `address`, HOST:PORT or a socket's path, and has it read physical memory.
  ///
  /// - Throws: ``LiveSourceError``.
  public init(address: String) throws(LiveSourceError) {
    link = Mutex(try Self.connect(to: address))
    self.address = address
  }

  private static func connect(to address: String) throws(LiveSourceError) -> GDBLink {
    let link = try GDBLink(address)
    guard try link.ask("Qqemu.PhyMemMode:1") == "OK" else {
      throw .noPhysicalMemory(address: address)
    }
    return link
  }

  /// Lets a machine go on that ran before.
  public func release() { link.withLock { $0 = nil } }

  /// Calls `body` with the connection, or with one for this call alone.
  private func withLink<Result: Sendable>(
    _ body: (GDBLink) throws(LiveSourceError) -> Result
  ) throws(LiveSourceError) -> Result {
    try link.withLock { (link) throws(LiveSourceError) in
      if let link { return try body(link) }
      let signals = HeldSignals()
      defer { withExtendedLifetime(signals) {} }
      return try body(try Self.connect(to: address))
    }
  }

  /// The physical memory and the control registers, as far as the stub describes them.
  ///
  /// Which addresses have memory is not known: what the stub reads at others, such as zeros, counts.
  ///
  /// - Throws: ``LiveSourceError``, or ``MemoryImageError``.
  public func image() throws -> MemoryImage {
    var notes = CoreNotes()
    let processor = try withLink { (link) throws(LiveSourceError) in
      try ImageProcessor(ofStub: link)
    }
    if let processor { notes.processors = [processor] }
    let segment = MemorySegment(
      physicalAddress: GuestPhysicalAddress(truncating: 0), byteCount: Self.byteCount, fileOffset: 0
    )
    return MemoryImage(.debugger, [segment], notes, try FileBytes(Bytes(self)))
  }

  /// So much is asked for at most: 46 bits of physical address.
  private static let byteCount: UInt64 = 1 << 46
  /// QEMU's stub answers with at most 4096 characters.
  private static let partByteCount = 1024

  /// The bytes of a stub's physical memory.
  private final class Bytes: ByteSource {
    private let stub: GDBStub
    let byteCount = GDBStub.byteCount

    init(_ stub: GDBStub) { self.stub = stub }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> MemoryImageError? {
      var done = 0
      while done < buffer.count {
        let count = min(buffer.count - done, GDBStub.partByteCount)
        let place = offset + UInt64(done)
        let answer: String
        do throws(LiveSourceError) {
          answer = try stub.withLink { (link) throws(LiveSourceError) in
            try link.ask("m\(String(place, radix: 16)),\(String(count, radix: 16))")
          }
        } catch {
          return .lostSource(reason: error.message)
        }
        // An error is how a stub says that nothing is there.
        if answer.hasPrefix("E") { return .noMemory }
        guard let bytes = GDBLink.bytes(answer), bytes.count == count else {
          return .lostSource(reason: "the stub's answer is not the memory that was asked for")
        }
        // SAFETY: the part lies inside the buffer.
        unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
          .copyBytes(from: bytes)
        done += count
      }
      return nil
    }
  }
}

/// Packets to a stub.
final class GDBLink {
  private let connection: Connection
  /// The machine ran, and stopped because somebody connected: a stub tells a stop without being asked.
  private var hasStopped = false
  private static let limit: Duration = .seconds(10)

  init(_ address: String) throws(LiveSourceError) {
    connection = try Connection(address)
    let features = try ask("qSupported:xmlRegisters=i386")
    guard features.contains("PacketSize") || features.contains("qXfer") || features.isEmpty else {
      throw .broken(address: address, reason: "what answers is no debugger's stub")
    }
  }

  deinit {
    // A machine that was paused before stays so.
    if hasStopped { try? connection.send(Self.packet("D"), .now + .seconds(1)) }
  }

  /// `$text#sum`, the sum of the bytes modulo 256.
  private static func packet(_ text: String) -> [UInt8] {
    let sum = text.utf8.reduce(0 as UInt8, &+)
    let digits = String(sum, radix: 16)
    return Array("$\(text)#\(digits.count < 2 ? "0" : "")\(digits)".utf8)
  }

  /// Sends a packet, and returns what the answer holds.
  ///
  /// - Throws: ``LiveSourceError``.
  func ask(_ text: String) throws(LiveSourceError) -> String {
    let deadline = ContinuousClock.now + Self.limit
    let expected = "the answer to \(text.prefix(24))"
    try connection.send(Self.packet(text), deadline)
    while true {
      // Acknowledgements, and what else stands before a packet.
      _ = try connection.receive(upTo: UInt8(ascii: "$"), deadline, expected: expected)
      let content = try connection.receive(upTo: UInt8(ascii: "#"), deadline, expected: expected)
      _ = try connection.receive(count: 2, deadline, expected: expected)
      try connection.send([UInt8(ascii: "+")], deadline)
      let answer = String(decoding: content, as: UTF8.self)
      if answer.hasPrefix("T") || answer.hasPrefix("S") && answer.utf8.count == 3 {
        hasStopped = true
        continue
      }
      return answer
    }
  }

  /// The bytes of pairs of hexadecimal digits; nil where it is something else.
  static func bytes(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 2)
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = Character(Unicode.Scalar(digits[index])).hexDigitValue,
        let low = Character(Unicode.Scalar(digits[index + 1])).hexDigitValue
      else { return nil }
      bytes.append(UInt8(high << 4 | low))
    }
    return bytes
  }

  /// A document of the stub's description of its registers.
  ///
  /// Source: GDB documentation, "General Query Packets", qXfer:features:read.
  func features(_ name: String) throws(LiveSourceError) -> String? {
    var text = ""
    while text.utf8.count < 1 << 20 {
      let part = try ask(
        "qXfer:features:read:\(name):\(String(text.utf8.count, radix: 16)),7f0")
      guard part.hasPrefix("m") || part.hasPrefix("l") else { return nil }
      text += part.dropFirst()
      if part.hasPrefix("l") { return text }
    }
    return nil
  }
}
