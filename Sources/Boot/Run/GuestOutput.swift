// GuestOutput: what a guest writes, kept and handed on.

/// Keeps the last bytes of what a guest writes and hands all of them on.
struct GuestOutput {
  private(set) var last: [UInt8] = []
  private let handOn: ([UInt8]) -> Void

  private static let keptByteCount = 1 << 16

  init(_ handOn: @escaping ([UInt8]) -> Void) { self.handOn = handOn }

  mutating func append(_ bytes: [UInt8]) {
    guard !bytes.isEmpty else { return }
    handOn(bytes)
    last += bytes
    if last.count > 2 * Self.keptByteCount { last.removeFirst(last.count - Self.keptByteCount) }
  }
}
