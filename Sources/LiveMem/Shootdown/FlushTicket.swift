// FlushTicket: what must be waited for before the pages that a change removed are used again.

/// The processors that have not been heard of yet when a change returns.
///
/// The change is made. What it removed may be used for something else as soon as
/// ``SharedPageTable/sync(_:patience:)`` with this ticket returns. Where the ticket of a change is not at
/// hand, because an error came after the change or somebody else made it, that of
/// ``ProcessorSet/ticket()`` is as good.
public struct FlushTicket: Hashable, Sendable {
  /// A processor, and how many requests it must have done.
  @usableFromInline struct Acknowledgement: Hashable, Sendable {
    @usableFromInline let processor: Int
    @usableFromInline let number: UInt64

    @usableFromInline
    init(processor: Int, number: UInt64) {
      self.processor = processor
      self.number = number
    }
  }

  @usableFromInline let awaited: [Acknowledgement]

  @usableFromInline
  init(awaited: [Acknowledgement]) { self.awaited = awaited }

  /// A ticket for which nothing must be waited.
  public static var nothing: FlushTicket { FlushTicket(awaited: []) }

  /// The processors that must drop translations.
  public var processors: [Int] { awaited.map(\.processor) }
}

/// A processor did not drop translations in time.
///
/// The change stays made, its pages stay unfreed, and the ticket is as good as before.
public struct FlushTimeout: Error, Hashable, Sendable, CustomStringConvertible {
  /// The processors that have not answered.
  public let processors: [Int]

  @usableFromInline
  init(processors: [Int]) { self.processors = processors }

  /// What happened, and what to do about it.
  public var description: String {
    let names = processors.map(String.init).joined(separator: ", ")
    return "processor\(processors.count == 1 ? "" : "s") \(names) did not answer a request to "
      + "flush in time; let the thread that runs it handle its requests, wait longer, or "
      + "deactivate a processor that will never run again"
  }
}
