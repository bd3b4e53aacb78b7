// KilledTablesLayout: what a process that is killed and the test that kills it have in common.

/// The memory that both see, and what the tables in it say.
public enum KilledTablesLayout {
  /// The number of frames; the last one is the mailbox, the others are for tables.
  public static let frameCount: UInt64 = 96
  /// The descriptor of the memory file in the process that is killed.
  public static let descriptor: CInt = 3
  /// The number of 4 KiB pages, from address 0 on, that are mapped and marked: four tables at level 1.
  public static let pageCount: UInt64 = 2048

  /// The words of the mailbox.
  public enum Word: UInt64 {
    /// The address of the root plus 1, as soon as there are tables.
    case root
    /// How many requests to drop translations the processor was sent.
    case requests
    /// How many it has done.
    case acknowledged
    /// How many changes were made.
    case changes

    /// The physical address.
    public var address: UInt64 { (frameCount - 1) << 12 | rawValue << 3 }
  }

  /// Where a page leads whenever it is mapped.
  ///
  /// When it is marked, the payload is its number.
  public static func target(ofPage page: UInt64) -> UInt64 { 1 << 30 + page << 12 }
}
