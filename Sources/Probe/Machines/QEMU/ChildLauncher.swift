// ChildLauncher: the thread that starts child processes, so that they end with this process.

internal import CLinux
import Dispatch
internal import Glibc
import Synchronization

/// What a child process runs and inherits.
struct ChildRequest: Sendable {
  /// The program.
  let path: String
  /// Its arguments, its own name not among them.
  let arguments: [String]
  /// Becomes the child's standard error.
  let errorOutput: CInt
  /// Stay open in the child, under the same numbers.
  let keptDescriptors: [CInt]
}

/// Starts children from a thread that lives as long as the process.
///
/// The kernel can end a child with the *thread* that started it, and threads of a pool come and go.
///
/// Source: prctl(2), PR_SET_PDEATHSIG.
final class ChildLauncher: Sendable {
  static let shared = ChildLauncher()

  private let orders = Mutex<[Order]>([])
  private let arrival = DispatchSemaphore(value: 0)

  /// A request on its way to the thread, and the answer on its way back.
  private final class Order: Sendable {
    let request: ChildRequest
    let answer = Mutex<Int64>(0)
    let isDone = DispatchSemaphore(value: 0)

    init(_ request: ChildRequest) { self.request = request }
  }

  /// The id of the child, or -errno.
  func start(_ request: ChildRequest) -> Int64 {
    guard Self.hasThread else { return Int64(-EAGAIN) }
    let order = Order(request)
    orders.withLock { $0.append(order) }
    arrival.signal()
    order.isDone.wait()
    return order.answer.withLock { $0 }
  }

  private static let hasThread: Bool = {
    var thread = pthread_t()
    // SAFETY: the thread's function takes no context.
    return unsafe pthread_create(&thread, nil, { _ in ChildLauncher.shared.serve() }, nil) == 0
  }()

  private func serve() -> Never {
    while true {
      arrival.wait()
      guard let order = orders.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { continue }
      let id = Self.spawn(order.request)
      order.answer.withLock { $0 = id }
      order.isDone.signal()
    }
  }

  private static func spawn(_ request: ChildRequest) -> Int64 {
    var arguments = unsafe ([request.path] + request.arguments).map { unsafe strdup($0) }
    unsafe arguments.append(nil)
    // SAFETY: strdup made the strings, and free takes a null pointer, too.
    defer { unsafe arguments.forEach { unsafe free($0) } }
    // SAFETY: the strings and arrays outlive the call; the list of arguments ends with NULL.
    return unsafe arguments.withUnsafeBufferPointer { arguments in
      unsafe request.keptDescriptors.withUnsafeBufferPointer { kept in
        unsafe clinux_spawn(
          request.path, arguments.baseAddress, request.errorOutput, kept.baseAddress,
          UInt64(kept.count))
      }
    }
  }
}
