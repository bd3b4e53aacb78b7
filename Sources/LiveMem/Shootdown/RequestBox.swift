// RequestBox: what a processor was asked to drop and has not dropped yet.

internal import Synchronization

/// The requests to one processor, which many threads send and one takes.
@usableFromInline final class RequestBox: Sendable {
  private let pending = Mutex(FlushRequest())

  @usableFromInline init() {}

  /// Adds to what is pending.
  @usableFromInline
  func add(_ request: FlushRequest) { pending.withLock { $0.add(request) } }

  /// What is pending, which is nothing from then on.
  @usableFromInline
  func takeAll() -> FlushRequest {
    pending.withLock { pending in
      let all = pending
      pending = FlushRequest()
      return all
    }
  }
}
