// The short names of rights, memory types and page sizes, the same in files and in reports.

public import GuestMem
public import MMU

extension PageRights {
  /// Three letters, `r`, `w` and `x`, with `-` for a right that is missing.
  public var letters: String {
    (contains(.read) ? "r" : "-") + (contains(.write) ? "w" : "-")
      + (contains(.execute) ? "x" : "-")
  }
}

extension MemoryType {
  /// The manual's abbreviation: WB, WT, UC-, UC, WC or WP.
  ///
  /// Source: Intel SDM volume 3A, section 13.12.
  public var abbreviation: String {
    switch self {
    case .writeBack: "WB"
    case .writeThrough: "WT"
    case .uncachedMinus: "UC-"
    case .uncacheable: "UC"
    case .writeCombining: "WC"
    case .writeProtected: "WP"
    }
  }
}

extension PageSize {
  /// The size as address-space files write it: 4KiB, 2MiB or 1GiB.
  public var label: String {
    switch self {
    case .size4KiB: "4KiB"
    case .size2MiB: "2MiB"
    case .size1GiB: "1GiB"
    }
  }
}

extension AccessKind {
  /// The word that files and reports use: read, write or fetch.
  public var label: String {
    switch self {
    case .read: "read"
    case .write: "write"
    case .fetch: "fetch"
    }
  }
}
