// GuestOutput: what a guest writes, kept and handed on.

/// Keeps the last bytes of what a guest writes and hands all of them on.
struct GuestOutput {
  private var kept: [UInt8] = []
  private let handOn: ([UInt8]) -> Void

  private static let keptByteCount = 1 << 16

  init(_ handOn: @escaping ([UInt8]) -> Void) { self.handOn = handOn }

  /// The last bytes, at most 64 KiB.
  var last: [UInt8] { kept.suffix(Self.keptByteCount) }

  mutating func append(_ bytes: [UInt8]) {
    guard !bytes.isEmpty else { return }
    handOn(bytes)
    kept += bytes
    if kept.count > 2 * Self.keptByteCount { kept.removeFirst(kept.count - Self.keptByteCount) }
  }
}
