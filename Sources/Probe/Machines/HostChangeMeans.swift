// HostChangeMeans: how a guest is made to see what the host wrote to its tables.

/// What is done between a change of a table by the host and the next access of the guest.
public enum HostChangeMeans: String, CaseIterable, Hashable, Sendable {
  /// Nothing: a machine without cached translations needs no more.
  case nothing
  /// The guest forgets its translations itself before it goes on.
  ///
  /// Source: Intel SDM volume 3A, section 5.10.4.1 (operations that invalidate TLBs).
  case guestFlush = "guest-flush"
  /// A memory slot is deleted and made anew, so that KVM drops its shadow tables.
  case slotRecreation = "slot-recreation"

  /// The means in words.
  public var message: String {
    switch self {
    case .nothing: "without further ado"
    case .guestFlush: "after the guest flushed its translations"
    case .slotRecreation: "after a memory slot was made anew"
    }
  }
}
